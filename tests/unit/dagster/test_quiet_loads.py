"""A load without news publishes itself, and no run follows it unless a check has another result by now."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cbr_warehouse.defs import quiet_loads
from cbr_warehouse.defs.asset_keys import QUIET_TAG, SOURCE_TAG
from cbr_warehouse.errors import StorageError
from support.dagster_deployment import Deployment, day
from support.dagster_files import FILES
from support.kept_folder import kept_folder
from support.present import midnight, now
from support.publish_sensor import begin, evaluate, look, parts

Install = Callable[..., Deployment]

NO_NEWS = "None of the loads that have ended since the last publication had news."


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


_KEPT: dict[str, Path] = {}
"""Copies of what installations left, by what they were made with."""


def install_published(install: Install, *names: str, **keys: object) -> Deployment:
    """Sources that were loaded, published, and counted today; their next loads find the same.

    Equal ones are loaded once, and then copied: the data directory and the files of Dagster's instance.
    """
    place = install(*names, **keys)
    for api in place.apis.values():
        api.add(day(0))
    folders = {
        "data": place.installation.load_context.directory.root,
        "home": Path(place.instance.root_directory),
    }
    kept = _KEPT.get(key := repr((day(0), names, keys)))
    if kept is None:
        for name in place.apis:
            assert place.tick(name).success
        assert place.publish().success
        FILES.close()
        kept = _KEPT[key] = kept_folder("cbr-installed-")
        for name, folder in folders.items():
            shutil.copytree(folder, kept / name)
    else:
        FILES.close()
        for name, folder in folders.items():
            shutil.copytree(kept / name, folder, dirs_exist_ok=True)
    place.clock.now = now() + timedelta(minutes=5)
    return place


def published(place: Deployment, query: str) -> list[tuple[object, ...]]:
    path = place.installation.load_context.directory.warehouse
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def tag(place: Deployment, result: dg.ExecuteInProcessResult) -> str | None:
    run = place.instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags.get(QUIET_TAG)


def test_a_load_without_news_is_published_by_its_own_run(install: Install) -> None:
    place = install_published(install, "a")
    before = published(place, "SELECT count(*), max(started_at) FROM loads")
    result = place.tick("a")
    assert tag(place, result) == "yes"
    after = published(place, "SELECT count(*), max(started_at) FROM loads")
    assert (after[0][0], before[0][0]) == (2, 1)
    assert published(place, "SELECT max(checked_at) FROM coverage") == [(place.clock.now,)]
    recorded = {found.asset_key.path[-1] for found in result.asset_materializations_for_node("raw__a")}
    assert recorded == {"a", "loads", "coverage"}
    assert evaluate(place) == NO_NEWS


def test_news_are_published_by_a_run_of_their_own_with_all_checks(install: Install) -> None:
    place = install_published(install, "a")
    place.apis["a"].add(day(1))
    result = place.tick("a")
    assert tag(place, result) is None
    assert published(place, "SELECT count(*) FROM loads") == [(1,)]
    assert parts(evaluate(place)) == {"warehouse"}


def test_of_several_loads_without_news_the_last_one_publishes(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install_published(install, "a", "b", "slow")
    other = begin(place, "load", {SOURCE_TAG: "b"})
    assert tag(place, place.tick("a")) == "yes"
    assert published(place, "SELECT count(*) FROM loads") == [(3,)]
    place.instance.report_run_canceled(other)
    # What is loading for long is not waited for.
    monkeypatch.setattr(quiet_loads, "SLOW_AFTER", timedelta(seconds=-1))
    begin(place, "load", {SOURCE_TAG: "slow"})
    assert tag(place, place.tick("b")) == "yes"
    assert published(place, "SELECT count(*) FROM loads") == [(5,)]


def test_only_the_last_load_looks_at_all_sources(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    place = install_published(install, "a", "b")
    monkeypatch.setattr("cbr_warehouse.warehouse.news.has_news", lambda *_: True)  # of a source aside
    begin(place, "load", {SOURCE_TAG: "b"})
    assert tag(place, place.tick("a")) == "yes"
    looks = iter([["b"], []])  # the other one ends between the two looks
    monkeypatch.setattr(quiet_loads, "_still_loading", lambda _context: next(looks))
    assert tag(place, place.tick("a")) == "no"
    assert published(place, "SELECT count(*) FROM loads") == [(2,)]


def test_a_load_that_leaves_the_publication_to_one_that_dies_is_published_after_it(install: Install) -> None:
    place = install_published(install, "a", "b")
    other = begin(place, "load", {SOURCE_TAG: "b"})
    assert place.tick("a").success
    assert evaluate(place) == NO_NEWS
    place.instance.report_run_failed(other, "The process of this run ended without a word.")
    assert parts(evaluate(place)) == {"warehouse"}


def test_what_the_clock_changes_is_noticed_without_news(install: Install) -> None:
    """The newest task grows old while loads find nothing new: its check must fail nevertheless."""
    age = now() - midnight()
    limit = age // timedelta(minutes=1) + 7
    place = install_published(install, "a", alerts={"newest_task": f"{limit}m"})
    assert tag(place, place.tick("a")) == "yes"
    place.clock.now = now() + timedelta(minutes=9)
    assert tag(place, place.tick("a")) == "no"
    assert parts(evaluate(place)) == {"warehouse"}
    assert "newest_task_age" in failed_checks(place.publish(analytics=False))
    # It fails as before: nothing new is to be recorded.
    assert tag(place, place.tick("a")) == "yes"


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {found.check_name for found in result.get_asset_check_evaluations() if not found.passed}


def test_the_first_load_of_a_day_is_published_with_all_checks(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install_published(install, "a")
    monkeypatch.setattr(quiet_loads, "is_counted_on", lambda *_: False)
    monkeypatch.setattr("cbr_warehouse.defs.publication.is_counted_on", lambda *_: False)
    assert tag(place, place.tick("a")) is None
    assert parts(evaluate(place)) == {"warehouse", "analytics"}


def test_a_load_that_cannot_publish_itself_leaves_it_to_the_job(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install_published(install, "a")

    def refuse(*_: object) -> None:
        raise StorageError("warehouse.duckdb: no space left on device.")

    with monkeypatch.context() as broken:
        broken.setattr("cbr_warehouse.load.publish.build_and_mend", refuse)
        result = place.tick("a")
    assert result.success
    assert tag(place, result) == "no"
    assert parts(evaluate(place)) == {"warehouse"}


def test_loads_without_news_are_looked_at_once(install: Install) -> None:
    """An hour without news follows the other, with a run for each of many sources."""
    place = install_published(install, "a")
    assert place.tick("a").success
    _, said, cursor = look(place)
    assert said == NO_NEWS
    assert cursor is not None
    assert evaluate(place, cursor=cursor) == NO_NEWS
    place.apis["a"].add(day(1))
    assert place.tick("a").success
    assert parts(evaluate(place, cursor=cursor)) == {"warehouse"}
