"""What the job ``load`` and backfills really load, and what they make Dagster believe."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.select_sources import require_sources
from support.dagster_deployment import Deployment, day, make_installation
from support.present import now

Install = Callable[..., Deployment]


def days_back(count: int) -> set[date]:
    return {day(ago) for ago in range(count)}


def rows(warehouse: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def metadata_of(place: Deployment, asset: list[str], on: date) -> dict[str, object]:
    found = place.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[on.isoformat()]), limit=1
    )
    materialization = found.records[0].asset_materialization
    assert materialization is not None
    return {key: value.value for key, value in materialization.metadata.items()}


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        str(event.step_key): str(event.step_failure_data.user_failure_data.description)
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    }


def test_the_first_tick_loads_all_days_and_records_exactly_those(install: Install) -> None:
    place = install("prod")
    for ago in range(12):
        place.apis["prod"].add(day(ago), 3 if ago == 6 else 1)
    result = place.tick("prod")
    assert result.success
    assert place.recorded("raw", "prod") == days_back(10)
    assert place.recorded("tables", "tasks") == days_back(10)
    assert metadata_of(place, ["raw", "prod"], day(6))["dagster/partition_row_count"] == 3
    assert metadata_of(place, ["raw", "prod"], day(6))["state"] == "complete"
    assert metadata_of(place, ["raw", "prod"], day(0))["state"] == "open"
    assert metadata_of(place, ["tables", "tasks"], day(6))["dagster/partition_row_count"] == 3
    assert metadata_of(place, ["tables", "resources"], day(0))["dagster/partition_row_count"] == 1
    assert metadata_of(place, ["tables", "replications"], day(0))["dagster/partition_row_count"] == 0
    published = place.publish(analytics=False).asset_materializations_for_node("warehouse")
    counts = {one.asset_key.path[-1]: one.metadata["dagster/row_count"].value for one in published}
    assert (counts["tasks"], counts["vaults"]) == (12, 0)


def test_a_later_tick_records_no_day_that_it_did_not_load(install: Install) -> None:
    place = install("prod")
    for ago in range(12):
        place.apis["prod"].add(day(ago))
    place.clock.now = now() - timedelta(seconds=1)  # an hour later, a task may have reached such an age
    place.tick("prod")
    place.clock.now = now()
    result = place.tick("prod")
    loaded = {m.partition for m in result.asset_materializations_for_node("raw__prod")}
    # Today goes on; of the days before, only tasks that reached an age to be read at are read again.
    assert loaded == {day(0).isoformat()}


def test_a_tick_after_days_without_any_loads_them_all(install: Install) -> None:
    """An outage of five days needs no one to remember it."""
    place = install("prod")
    for ago in range(8):
        place.apis["prod"].add(day(ago))
    place.clock.now = now() - timedelta(days=6)
    assert place.tick("prod").success
    assert day(5) not in place.recorded("raw", "prod")
    place.clock.now = now()
    assert place.tick("prod").success
    assert days_back(8) <= place.recorded("raw", "prod")
    assert days_back(8) <= place.recorded("tables", "tasks")
    assert place.publish(analytics=False).success
    warehouse = place.installation.load_context.directory.warehouse
    assert rows(warehouse, "SELECT day FROM tasks ORDER BY day") == [(day(ago),) for ago in range(7, -1, -1)]


def test_a_run_of_a_range_loads_its_days_and_no_others(install: Install) -> None:
    place = install("prod")
    for ago in range(12):
        place.apis["prod"].add(day(ago))
    chosen = [day(ago) for ago in range(4, 9)]
    assert place.run("prod", chosen).success
    assert place.recorded("raw", "prod") == set(chosen)
    assert place.recorded("tables", "tasks") == set(chosen)
    held = rows(place.installation.load_context.directory.warehouse, "SELECT DISTINCT day FROM tasks")
    assert {found for (found,) in held} == set(chosen)
    swept = [asked["start_time"] for asked in place.apis["prod"].asked if asked["limit"] != "1"]
    assert min(map(datetime.fromisoformat, swept)) >= start_of(min(chosen)) - PAD


def test_a_run_for_today_alone_outside_of_the_job_loads_today_alone(install: Install) -> None:
    place = install("prod")
    place.apis["prod"].add(day(0))
    place.apis["prod"].add(day(3))
    assert place.run("prod", [day(0)]).success
    assert place.recorded("raw", "prod") == {day(0)}


def test_the_job_run_for_a_day_long_ago_loads_that_day(install: Install) -> None:
    place = install("prod")
    for ago in range(12):
        place.apis["prod"].add(day(ago))
    place.clock.now = now() - timedelta(hours=1)
    place.tick("prod")
    place.clock.now = now()
    result = place.run("prod", [day(7)], job="load")
    assert result.success
    assert {m.partition for m in result.asset_materializations_for_node("raw__prod")} == {day(7).isoformat()}


def test_a_run_without_a_day_is_refused_before_anything_is_asked(install: Install) -> None:
    place = install("prod")
    job = place.defs.resolve_job_def("load")
    result = job.execute_in_process(instance=place.instance, raise_on_error=False)
    assert "Choose a partition" in failures(result)["raw__prod"]
    assert place.apis["prod"].asked == []


def test_a_day_of_which_the_source_has_more_is_not_recorded(install: Install) -> None:
    place = install("prod")
    for ago in range(4, 8):
        place.apis["prod"].add(day(ago))
    place.apis["prod"].hidden.add(f"{day(5)}-0")
    result = place.run("prod", [day(ago) for ago in range(4, 8)])
    assert not result.success
    assert f"the source has more records than it returned of {day(5)}" in failures(result)["raw__prod"]
    assert place.recorded("raw", "prod") == {day(4), day(6), day(7)}
    assert rows(place.installation.load_context.directory.warehouse, "SELECT count(*) FROM tasks") == [(3,)]


def test_a_tick_fails_when_a_day_stays_incomplete(install: Install) -> None:
    """Alerts are set on failed runs; a check that fails does not reach them."""
    place = install("prod")
    place.apis["prod"].add(day(5), 2)
    place.apis["prod"].add(day(4))
    place.apis["prod"].hidden.add(f"{day(5)}-0")
    result = place.tick("prod")
    assert not result.success
    assert f"the source has more records than it returned of {day(5)}" in failures(result)["raw__prod"]
    assert place.publish(analytics=False).success
    assert rows(place.installation.load_context.directory.warehouse, "SELECT count(*) FROM tasks") == [(2,)]
    (check,) = [
        found for found in result.get_asset_check_evaluations() if found.check_name == "nothing_missing"
    ]
    assert not check.passed
    assert check.metadata["incomplete"].value == day(5).isoformat()
    assert place.recorded("raw", "prod") == days_back(10) - {day(5)}


def test_the_warehouse_is_that_of_the_command(install: Install, tmp_path: Path) -> None:
    place = install("prod", "spare")
    for name, api in place.apis.items():
        api.add(day(2), 3)
        api.add(day(1) if name == "prod" else day(9))
    other = make_installation(tmp_path / "by-command", place.clock, place.apis)
    for hours in (3, 0):
        place.clock.now = now() - timedelta(hours=hours)
        for name in place.apis:
            assert place.tick(name).success
        assert place.publish(analytics=False).success
        for source in require_sources(other.settings, None, other.environ):  # in order, as the ids are
            assert load(other.load_context, [source], LoadRequest()).exit_status(strict=False) == 0
    for table in place.installation.load_context.contract.tables:
        query = f"SELECT * FROM {table.name} ORDER BY ALL"
        theirs = rows(other.load_context.directory.warehouse, query)
        assert rows(place.installation.load_context.directory.warehouse, query) == theirs
        without_rows = {"quarantine", "replications", "resource_volumes", *ALL_INVENTORY_TABLES}
        assert theirs or table.name in without_rows


@pytest.mark.parametrize("down", ["aaa", "zzz"])
def test_a_source_that_fails_keeps_no_other_from_publishing(install: Install, down: str) -> None:
    """Whichever comes first: in a run of all sources Dagster skips tables and warehouse."""
    place = install("aaa", "zzz")
    for api in place.apis.values():
        api.add(day(1))
    place.apis[down].status = 403
    result = place.run_assets(sorted(place.defs.resolve_all_asset_keys()), [day(0)], job="load")
    assert not result.success
    (up,) = place.apis.keys() - {down}
    warehouse = place.installation.load_context.directory.warehouse
    assert rows(warehouse, "SELECT source FROM tasks") == [(up,)]
    assert rows(warehouse, "SELECT source, outcome FROM loads ORDER BY ALL") == sorted(
        [(up, "done"), (down, "failed")]
    )
    assert place.recorded("raw", down) == set()
    assert place.recorded("raw", up) == days_back(10)


def test_the_runs_of_the_schedule_fail_each_for_itself(install: Install) -> None:
    place = install("down", "up")
    place.apis["up"].add(day(1))
    place.apis["down"].status = 403
    assert not place.tick("down").success
    assert place.tick("up").success
    assert place.publish(analytics=False).success
    assert rows(place.installation.load_context.directory.warehouse, "SELECT source FROM tasks") == [("up",)]
    assert place.recorded("tables", "tasks") == days_back(10)


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (403, 1)])
def test_only_a_source_that_failed_in_passing_is_tried_again(
    install: Install, status: int, tries: int
) -> None:
    place = install("prod")
    place.apis["prod"].status = status
    result = place.tick("prod")
    assert failures(result)["raw__prod"].startswith("prod: the load failed: ")
    place.publish(analytics=False)
    loads = rows(place.installation.load_context.directory.warehouse, "SELECT outcome FROM loads")
    assert loads == [("failed",)] * tries


def test_a_missing_secret_is_a_failure_with_its_remedy(install: Install) -> None:
    place = install("prod")
    del place.installation.environ["TOKEN"]  # type: ignore[attr-defined]
    result = place.tick("prod")
    assert "the environment variable TOKEN is not set" in failures(result)["raw__prod"]


def test_a_run_waits_for_a_load_that_is_running(install: Install) -> None:
    place = install("prod")
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with hold_source(place.installation.load_context, "prod", "load by the command", wait=False):
            held.set()
            time.sleep(0.7)
            assert place.apis["prod"].asked == []
            released.set()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert held.wait(5)
        assert place.run("prod", [day(0)]).success
        holding.result()
    assert released.is_set()
    assert place.apis["prod"].asked
