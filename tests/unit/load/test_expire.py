"""Days older than ``keep`` go from raw, tables and warehouse; nothing else changes, wherever it is killed."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.load import expire
from cbr_warehouse.load.expire import expired_days
from cbr_warehouse.load.maintain import Maintained, maintain
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.load.repair import refuse_missing
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.raw import removed_days
from cbr_warehouse.raw.removed_days import LEDGER, read_removed_days
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.tables.build_state import read_moved, write_moved
from support.living_source import Dialect, living
from support.load_bench import Bench
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.fault("killed processes")

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)
SERVED = timedelta(days=3)
KEEP = timedelta(days=3, hours=12)
"""Longer than the source serves a task, as the settings require."""

FIRST_KEPT = (NOW - KEEP).date()
ROWS = "SELECT * EXCLUDE (last_seen_at) FROM task_versions WHERE day >= $1 ORDER BY ALL"
COVERAGE = "SELECT * EXCLUDE (removed_at) FROM coverage ORDER BY day"
VERDICTS = "SELECT day, held, quarantined, state, reason FROM coverage ORDER BY day"
"""What a load in between leaves alone; it counts days within its horizon again."""


class Killed(BaseException):
    """As a signal would end it: nothing handles this."""


@pytest.fixture(autouse=True, scope="module")
def _without_syncs() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic_write, "_sync", lambda _path: None)
        yield


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with days of two weeks."""
    bench = Bench(tmp_path_factory.mktemp("expire") / "data", living(NOW, 1, Dialect(retention=SERVED)))
    for days_ago in range(6, -1, -1):
        bench.source.now = NOW - timedelta(days=days_ago)
        bench.load(publish=not days_ago)
    return bench.directory.root


@pytest.fixture
def bench(loaded: Path, tmp_path: Path) -> Bench:
    shutil.copytree(loaded, tmp_path / "data")
    return Bench(tmp_path / "data", living(NOW, 1, Dialect(retention=SERVED)))


def kept_rows(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.ask(ROWS.replace("$1", f"DATE '{FIRST_KEPT}'"))


def run(bench: Bench) -> Maintained:
    (done,) = maintain(bench.loading(), {}, keep=KEEP)
    publish_warehouse(bench.loading())
    return done


def assert_expired(bench: Bench) -> None:
    directory = bench.directory
    for folder in (directory.raw, directory.tables):
        of_days = {path.name for path in folder.glob("[!.]*/source=prod/day=*") if any(path.iterdir())}
        assert {name for name in of_days if name < f"day={FIRST_KEPT}"} == set()
    for table in ("tasks", "task_versions", "resources", "quarantine"):
        assert bench.ask(f"SELECT count(*) FROM {table} WHERE day < DATE '{FIRST_KEPT}'") == [(0,)]
    assert bench.ask(f"SELECT count(*) FROM analytics.attempt WHERE created_at < DATE '{FIRST_KEPT}'") == [
        (0,)
    ]
    removed = (
        "SELECT bool_and((removed_at IS NOT NULL) = (day < DATE '2026-11-17' AND held > 0)) FROM coverage"
    )
    assert bench.ask(removed) == [(True,)]
    assert count_missing(directory, "prod") == {}
    refuse_missing(directory, ["prod"])


def test_old_days_go_and_what_is_kept_and_proved_stays(bench: Bench) -> None:
    rows, coverage = kept_rows(bench), bench.ask(COVERAGE)
    (foreseen,) = maintain(bench.loading(), {}, keep=KEEP, is_dry_run=True)
    assert kept_rows(bench) == rows
    done = run(bench)
    assert foreseen.removed == done.removed > 0
    assert_expired(bench)
    assert kept_rows(bench) == rows
    assert bench.ask(COVERAGE) == coverage
    assert "complete" in {row[6] for row in coverage if row[1] < FIRST_KEPT}
    context = bench.loading()
    assert verify(bench.directory, context.contract, context.analytics, NOW).findings == []
    assert run(bench).removed == 0


def test_a_rebuild_and_later_loads_bring_nothing_back(bench: Bench) -> None:
    run(bench)
    before = hashes(bench.directory.warehouse)
    rebuild(bench.loading())
    assert hashes(bench.directory.warehouse) == before
    assert bench.load(deep=True).sources[0].is_good
    assert_expired(bench)


def test_without_a_policy_nothing_goes(bench: Bench) -> None:
    assert expired_days(bench.directory, "prod", None, NOW + timedelta(days=9999)) == ()


def test_a_clock_that_is_ahead_removes_nothing_early(bench: Bench) -> None:
    """The present is that of the newest load, whose clock the source confirmed."""
    now = expired_days(bench.directory, "prod", KEEP, NOW)
    assert len(now) > 2
    assert expired_days(bench.directory, "prod", KEEP, NOW + timedelta(days=3650)) == now
    assert expired_days(bench.directory, "prod", KEEP, NOW - timedelta(days=2)) == now[:-2]


def test_days_that_share_a_task_go_together(bench: Bench) -> None:
    moved = read_moved(bench.directory, "prod")
    assert moved is not None
    first = expired_days(bench.directory, "prod", KEEP, NOW)[0]
    moved.add("moved", first.isoformat(), FIRST_KEPT.isoformat())
    write_moved(bench.directory, "prod", moved)
    assert first not in expired_days(bench.directory, "prod", KEEP, NOW)


STEPS: tuple[tuple[Any, str], ...] = (
    (expire, "write_removed_days"),
    (expire, "write_state"),
    (removed_days, "remove_folder"),
    (expire, "make_tables"),
)


@pytest.mark.parametrize("publishes", [False, True], ids=["maintained", "loaded"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "name"), STEPS)
def test_killed_at_any_step_the_next_maintenance_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool, publishes: bool
) -> None:
    rows, verdicts = kept_rows(bench), bench.ask(VERDICTS)
    plain: Callable[..., Any] = getattr(module, name)
    calls = [0]

    def die(*values: Any) -> Any:
        calls[0] += 1
        is_it = calls[0] == (1 if name in {"write_removed_days", "make_tables"} else 5)
        if is_it and not after:
            raise Killed
        found = plain(*values)
        if is_it:
            raise Killed
        return found

    with monkeypatch.context() as patched:
        patched.setattr(module, name, die)
        with pytest.raises(Killed):
            list(maintain(bench.loading(), {}, keep=KEEP))
    if publishes:
        assert bench.load().sources[0].is_good
        assert kept_rows(bench) == rows
    run(bench)
    assert_expired(bench)
    assert kept_rows(bench) == rows
    assert bench.ask(VERDICTS) == verdicts


def test_a_damaged_ledger_of_removed_days_is_found(bench: Bench) -> None:
    run(bench)
    (path,) = bench.directory.raw_ledger(LEDGER, "prod").glob("*.json")
    path.write_text(path.read_text().replace('"held": ', '"held": 1'))
    context = bench.loading()
    findings = verify(bench.directory, context.contract, context.analytics, NOW).findings
    assert any(str(path) in finding.what for finding in findings)


def test_the_ledger_says_what_was_held(bench: Bench) -> None:
    held = dict(bench.ask("SELECT day, held FROM coverage WHERE day < DATE '2026-11-17' AND held > 0"))
    run(bench)
    found = {day: past.held for day, (past, _) in read_removed_days(bench.directory, "prod").items()}
    assert held
    assert held.items() <= found.items()
