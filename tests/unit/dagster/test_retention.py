"""Dagster's own store: what is old is removed, and what the pages of the assets need is kept."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._core.test_utils import create_run_for_test, freeze_time

from cbr_warehouse.contract.utc_days import start_of
from cbr_warehouse.defs.dagster_store import compact_files
from cbr_warehouse.defs.dagster_ticks import remove_old_ticks
from cbr_warehouse.defs.retention import OWN_TICKS
from support.dagster_deployment import Deployment, day, origin_of
from support.present import now

Install = Callable[..., Deployment]
RAW = dg.AssetKey(["raw", "a"])
FOREIGN = dg.AssetKey(["orders"])
CHECK = dg.AssetCheckKey(RAW, "nothing_missing")


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return stored_instance


def add_run(
    instance: dg.DagsterInstance,
    at: datetime,
    job: str = "load",
    key: dg.AssetKey = RAW,
    location: str | None = None,
) -> dg.DagsterRun:
    """A run of the past as Dagster stores it, with all that it leaves behind; only its assets are made up."""
    with freeze_time(at):
        run = create_run_for_test(
            instance,
            job,
            tags={"source": "a"},
            asset_selection=frozenset({key}),
            remote_job_origin=None if location is None else origin_of(location, job),
        )
        events = [
            dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, job_name=job),
            dg.DagsterEvent(
                dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                job_name=job,
                event_specific_data=_materialization(key, at),
            ),
            dg.DagsterEvent(dg.DagsterEventType.PIPELINE_SUCCESS.value, job_name=job),
        ]
        for event in events:
            instance.report_dagster_event(event, run.run_id, timestamp=at.timestamp())
    set_age(instance, run.run_id, at)
    log = Path(instance.root_directory) / "storage" / run.run_id / "compute_logs"
    log.mkdir(parents=True)
    (log / "step.err").write_text("x" * 30_000)
    return run


def set_age(instance: dg.DagsterInstance, run_id: str, at: datetime) -> None:
    """Dagster stamps runs with the present, whatever the time of their events."""
    with closing(sqlite3.connect(Path(instance.root_directory) / "history/runs.db")) as connection:
        stamp = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        connection.execute(
            "UPDATE runs SET create_timestamp = ?, update_timestamp = ? WHERE run_id = ?",
            (stamp, stamp, run_id),
        )
        connection.commit()


def _materialization(key: dg.AssetKey, at: datetime) -> object:
    from dagster._core.events import StepMaterializationData

    found = dg.AssetMaterialization(key, partition=at.date().isoformat(), metadata={"rows": at.hour})
    return StepMaterializationData(found)


def remove(place: Deployment, now: datetime) -> None:
    place.clock.now = now
    job = place.defs.resolve_job_def("remove_old_runs")
    result = job.execute_in_process(instance=place.instance)
    assert result.success
    set_age(place.instance, result.run_id, now)


def size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def runs(place: Deployment) -> set[str]:
    return {run.run_id for run in place.instance.get_runs()}


def test_the_store_is_flat_from_the_second_month_on(install: Install) -> None:
    """Months of ticks with a nightly retention; a month kept is reached once and never exceeded."""
    place = install("a", keep_runs="20d")
    home = Path(place.instance.root_directory)
    begin, sizes = start_of(day(60)), []
    for number in range(60):
        at = begin + timedelta(days=number)
        for hour in (0, 12):
            add_run(place.instance, at + timedelta(hours=hour))
        if number % 10 == 9:
            remove(place, at + timedelta(hours=13))
            sizes.append(size(home))
    assert sizes[2] > 1.5 * sizes[0]  # the store grows until the first month is over
    assert max(sizes[3:]) < 1.05 * sizes[2]
    # Each day that was ever loaded is still shown as loaded, by its newest record.
    assert len(place.recorded("raw", "a")) == 60
    for number in (0, 30, 59):
        on = (begin + timedelta(days=number)).date()
        found = place.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=RAW, asset_partitions=[on.isoformat()]), limit=10
        ).records
        newest = found[0].asset_materialization
        assert newest is not None
        assert newest.metadata["rows"].value == 12


def test_only_what_is_old_and_ended_and_ours_is_removed(install: Install) -> None:
    place = install("a", keep_runs="30d")
    old, new = now() - timedelta(days=31), now() - timedelta(days=29)
    gone = add_run(place.instance, old)
    young = add_run(place.instance, new)
    foreign_job = add_run(place.instance, old, job="orders_job", key=FOREIGN)
    foreign_assets = add_run(place.instance, old, job="__ASSET_JOB", key=FOREIGN)
    own_assets = add_run(place.instance, old, job="__ASSET_JOB")
    with freeze_time(old):
        unfinished = create_run_for_test(place.instance, "load", status=dg.DagsterRunStatus.STARTED)
    remove(place, now())
    left = runs(place)
    assert {young.run_id, foreign_job.run_id, foreign_assets.run_id, unfinished.run_id} <= left
    assert not {gone.run_id, own_assets.run_id} & left
    home = Path(place.instance.root_directory)
    assert not list(home.rglob(f"*{gone.run_id}*"))
    with closing(sqlite3.connect(home / "history/runs.db")) as connection:
        tagged = {run_id for (run_id,) in connection.execute("SELECT run_id FROM run_tags")}
    assert tagged <= left
    assert list(home.rglob(f"*{foreign_job.run_id}*"))
    assert place.instance.fetch_materializations(FOREIGN, limit=9).records


@pytest.mark.parametrize("job", ["load", "report_job", "__ASSET_JOB"])
def test_runs_of_another_code_location_with_the_same_names_are_left_alone(
    install: Install, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    """Another project may have a job ``load``, or assets below ``raw``."""
    monkeypatch.setattr("cbr_warehouse.defs.retention.location_of_run", lambda run: "ours")
    place = install("a", keep_runs="30d")
    theirs = add_run(place.instance, now() - timedelta(days=31), job=job, location="theirs")
    ours = add_run(place.instance, now() - timedelta(days=31), job=job, location="ours")
    remove(place, now())
    assert theirs.run_id in runs(place)
    assert ours.run_id not in runs(place)


def test_the_newest_result_of_each_check_is_kept(install: Install) -> None:
    place = install("a")
    place.apis["a"].add(day(0))
    results = [place.tick("a") for _ in range(2)]
    assert all(result.success for result in results)
    for result in results:
        set_age(place.instance, result.run_id, now() - timedelta(days=99))
    remove(place, now())
    assert runs(place).isdisjoint({result.run_id for result in results})
    history = place.instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=10)
    assert [found.run_id for found in history] == [results[1].run_id]
    # The pages of the asset still say what they said, and the next run goes on.
    assert place.recorded("raw", "a")
    assert place.tick("a").success


def ticks(place: Deployment, state: InstigatorState) -> list[tuple[TickStatus, int]]:
    found = place.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return sorted(
        ((tick.status, round((now().timestamp() - tick.timestamp) / 86400)) for tick in found), key=str
    )


@pytest.mark.parametrize(
    ("name", "location"),
    [("publish_sensor", "here"), ("publish_sensor", "elsewhere"), ("sensor_of_somebody_else", "here")],
)
def test_old_ticks_are_removed_with_their_logs_and_skips_after_a_day(
    install: Install, name: str, location: str
) -> None:
    place = install("a")
    repository = place.defs.get_repository_def()
    assert {"publish_sensor", "load_schedule"} <= OWN_TICKS
    assert {one.name for one in (*repository.schedule_defs, *repository.sensor_defs)} <= OWN_TICKS | {name}  # type: ignore[attr-defined]
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__"), name
    )
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE)
    place.instance.add_instigator_state(state)
    logs = Path(place.instance.root_directory) / "storage" / "__repository__" / name
    logs.mkdir(parents=True)
    (logs / "4711.err").touch()  # Dagster's own settings have removed its tick
    for ago in (0, 3, 40):
        for status in (TickStatus.SKIPPED, TickStatus.SUCCESS):
            tick = place.instance.create_tick(
                TickData(
                    state.instigator_origin_id,
                    name,
                    InstigatorType.SENSOR,
                    status,
                    (now() - timedelta(days=ago)).timestamp(),
                    run_ids=[] if status is TickStatus.SUCCESS else None,
                    selector_id=state.selector_id,
                )
            )
            (logs / f"{tick.tick_id}.err").touch()
    with freeze_time(now()):
        remove_old_ticks(place.instance, OWN_TICKS, now() - timedelta(days=30), location)
    left = ticks(place, state)
    kept = {
        f"{tick.tick_id}.err"
        for tick in place.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    }
    if name not in OWN_TICKS:
        assert len(left) == 6
        assert {path.name for path in logs.iterdir()} == kept | {"4711.err"}
        return
    assert {path.name for path in logs.iterdir()} == kept
    if location == "here":
        assert left == [(TickStatus.SKIPPED, 0), (TickStatus.SUCCESS, 0), (TickStatus.SUCCESS, 3)]
    else:
        assert len(left) == 6


@pytest.fixture
def large_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "history/runs/index.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE rows (text TEXT)")
        connection.executemany("INSERT INTO rows VALUES (?)", [("x" * 100_000,)] * 200)
        connection.execute("DELETE FROM rows WHERE rowid > 3")
        connection.commit()
    return path


def test_a_store_that_had_grown_gives_its_space_back(tmp_path: Path, large_file: Path) -> None:
    assert large_file.stat().st_size > 16 << 20
    compact_files(tmp_path)
    assert large_file.stat().st_size < 1 << 20
    with closing(sqlite3.connect(large_file)) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (3,)
