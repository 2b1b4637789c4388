"""The partitions: from a first day that the first load fixes until today."""

from collections.abc import Callable
from datetime import date, timedelta

from dagster_site import NOW, Installation, day

from pipelines.defs.days import partition_days
from pipelines.extract.days import start_of
from pipelines.extract.plan import Range
from pipelines.load.context import Wanted
from pipelines.load.run import load
from pipelines.settings.require import require_sources


def days_of(place: Installation) -> list[date]:
    keys = partition_days(place.site).get_partition_keys()
    return [date.fromisoformat(key) for key in keys]


def load_by_command(place: Installation, wanted: Wanted) -> None:
    load(place.site.loading, require_sources(place.site.settings, None, place.site.environ), wanted)


def test_before_the_first_load_they_are_those_it_will_ask_for(install: Callable[..., Installation]) -> None:
    assert days_of(install("prod")) == [day(ago) for ago in range(9, -1, -1)]


def test_without_a_source_they_are_those_that_the_api_keeps(install: Callable[..., Installation]) -> None:
    assert days_of(install()) == [day(ago) for ago in range(30, -1, -1)]


def test_the_first_load_fixes_the_first_day(install: Callable[..., Installation]) -> None:
    place = install("prod")
    place.clock.now = NOW - timedelta(days=5)
    load_by_command(place, Wanted())
    place.clock.now = NOW
    load_by_command(place, Wanted())
    assert min(days_of(place)) == day(14)


def test_a_range_tried_first_does_not_shorten_them(install: Callable[..., Installation]) -> None:
    place = install("prod")
    load_by_command(place, Wanted(range=Range(start_of(day(2)), None)))
    assert min(days_of(place)) == day(9)
    load_by_command(place, Wanted())
    assert min(days_of(place)) == day(9)


def test_a_range_of_long_ago_loaded_first_is_among_them(install: Callable[..., Installation]) -> None:
    place = install("prod")
    load_by_command(place, Wanted(range=Range(start_of(day(100)), start_of(day(98)))))
    assert min(days_of(place)) == day(100)


def test_a_source_of_its_own_days_makes_them_wider_for_all(install: Callable[..., Installation]) -> None:
    place = install("old")
    place.clock.now = NOW - timedelta(days=5)
    load_by_command(place, Wanted())
    place.clock.now = NOW
    assert min(days_of(install("old", "new"))) == day(14)


def test_today_is_among_them(install: Callable[..., Installation]) -> None:
    assert NOW.date() in days_of(install("prod"))
