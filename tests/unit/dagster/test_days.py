"""The partitions: from a first day that the first load fixes until today."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.defs.partitions import partition_days
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.run import load
from cbr_warehouse.raw import ledger_files
from cbr_warehouse.raw.ledgers import read_loads, write_load
from cbr_warehouse.settings.select_sources import require_sources
from support.dagster_deployment import Deployment, day
from support.present import now


def days_of(place: Deployment) -> list[date]:
    keys = partition_days(place.installation).get_partition_keys()
    return [date.fromisoformat(key) for key in keys]


def load_by_command(place: Deployment, wanted: LoadRequest) -> None:
    load(
        place.installation.load_context,
        require_sources(place.installation.settings, None, place.installation.environ),
        wanted,
    )


def test_before_the_first_load_they_are_those_it_will_ask_for(install: Callable[..., Deployment]) -> None:
    assert days_of(install("prod")) == [day(ago) for ago in range(9, -1, -1)]


def test_without_a_source_they_are_those_that_the_api_keeps(install: Callable[..., Deployment]) -> None:
    assert days_of(install()) == [day(ago) for ago in range(30, -1, -1)]


def test_the_first_load_fixes_the_first_day(install: Callable[..., Deployment]) -> None:
    place = install("prod")
    place.clock.now = now() - timedelta(days=5)
    load_by_command(place, LoadRequest())
    place.clock.now = now()
    load_by_command(place, LoadRequest())
    assert min(days_of(place)) == day(14)


def test_a_range_tried_first_does_not_shorten_them(install: Callable[..., Deployment]) -> None:
    place = install("prod")
    load_by_command(place, LoadRequest(range=Range(start_of(day(2)), None)))
    assert min(days_of(place)) == day(9)
    load_by_command(place, LoadRequest())
    assert min(days_of(place)) == day(9)


def test_a_range_of_long_ago_loaded_first_is_among_them(install: Callable[..., Deployment]) -> None:
    place = install("prod")
    load_by_command(place, LoadRequest(range=Range(start_of(day(100)), start_of(day(98)))))
    assert min(days_of(place)) == day(100)


def test_a_source_of_its_own_days_makes_them_wider_for_all(install: Callable[..., Deployment]) -> None:
    place = install("old")
    place.clock.now = now() - timedelta(days=5)
    load_by_command(place, LoadRequest())
    place.clock.now = now()
    assert min(days_of(install("old", "new"))) == day(14)


def test_today_is_among_them(install: Callable[..., Deployment]) -> None:
    assert now().date() in days_of(install("prod"))


def test_the_first_day_is_found_without_the_loads_of_years(
    install: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every run of every source asks for it: the loads after the first planned one are not read."""
    place = install("a")
    load_by_command(place, LoadRequest())
    before, directory = days_of(place), place.installation.load_context.directory
    (first,) = read_loads(directory, "a")
    for months in range(1, 13):
        at = first.started_at + timedelta(days=31 * months)
        write_load(
            directory, replace(first, load_id=first.load_id.replace(first.load_id[:8], f"{at:%Y%m%d}"))
        )
    folder = directory.raw_ledger("loads", "a")
    ledger_files.fold(folder, [path.name for path in ledger_files.single_files(folder)[:-1]])
    assert len(ledger_files.folded_files(folder)) == 12
    read, files = ledger_files.read_file, []

    def note(path: Path) -> bytes | None:
        files.append(path)
        return read(path)

    monkeypatch.setattr(ledger_files, "read_file", note)
    assert days_of(place) == before
    assert len(files) == 1
