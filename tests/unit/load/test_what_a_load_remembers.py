"""What a load takes over from earlier ones, what it keeps others out of, and what a failed one notes."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_warehouse.errors import ConservationError, StorageError, TransientSourceError
from cbr_warehouse.load import locks, source_load
from cbr_warehouse.load.context import LoadRequest
from cbr_warehouse.load.maintain import maintain
from cbr_warehouse.load.revalidate_quarantine import Requeued, requeue
from cbr_warehouse.load.run import load, rebuild
from cbr_warehouse.raw.damage import require_deep_load
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import read_audits, read_edited_at, read_loads, read_vanished
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.tables.build import Made
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
YESTERDAY = date(2026, 3, 9)


def few_tasks() -> LivingSource:
    source = living(NOW, 5, Dialect())
    source.tasks = [task for task in source.tasks if NOW - timedelta(days=2) < task.created_at < NOW]
    return source


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


@pytest.fixture(scope="module")
def loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bench = Bench(tmp_path_factory.mktemp("loaded"), few_tasks())
    bench.load()
    return bench.directory.root


@pytest.fixture
def loaded(loaded_once: Path, tmp_path: Path) -> Bench:
    """A bench with one load, an hour later."""
    bench = Bench(shutil.copytree(loaded_once, tmp_path / "data"), few_tasks())
    bench.source.now = NOW + HOUR
    return bench


def test_a_deep_load_that_damage_made_necessary_is_one_once(loaded: Bench) -> None:
    require_deep_load(loaded.directory, "prod")
    loaded.load()
    loaded.source.now += HOUR
    loaded.load()
    assert [one.purpose for one in read_loads(loaded.directory, "prod")[1:]] == ["deep", "incremental"]


def test_when_a_task_was_last_edited_is_known_until_another_is(loaded: Bench) -> None:
    """A task that had ended and changed: the plan of later loads depends on it."""
    edited = next(task for task in loaded.source.tasks if task.ended_at < NOW)
    loaded.source.tasks.remove(edited)
    loaded.source.tasks.append(replace(edited, outcome="skipped"))
    for is_deep in (True, False):
        loaded.load(deep=is_deep)
        assert read_edited_at(loaded.directory, "prod") == NOW + HOUR
        loaded.source.now += HOUR


def test_a_task_that_vanished_is_not_asked_for_again(loaded: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    vanished = next(task for task in loaded.source.tasks if task.ended_at > NOW + 2 * HOUR)
    loaded.source.tasks.remove(vanished)
    asked: list[str] = []
    plain = loaded.source.show_task

    def show(task_id: str) -> Any:
        asked.append(task_id)
        return plain(task_id)

    monkeypatch.setattr(loaded.source, "show_task", show)
    for _ in range(2):
        loaded.load()
        assert asked.count(vanished.id) == 1
        assert vanished.id in read_vanished(loaded.directory, "prod")
        loaded.source.now += HOUR


@pytest.mark.fault("damaged files")
def test_a_day_whose_file_was_damaged_is_complete_once_it_is_read_again(loaded: Bench) -> None:
    """The verdict of the load itself comes after that of the damage it found."""
    assert read_audits(loaded.directory, "prod")[YESTERDAY].state == "complete"
    raw_files(loaded.directory.raw_day("records", "prod", f"{YESTERDAY}"))[0].write_bytes(b"")
    (result,) = loaded.load().sources
    assert (result.damage.set_aside, result.kept) == ((f"{YESTERDAY}",), ())
    assert read_audits(loaded.directory, "prod")[YESTERDAY].state == "complete"
    assert loaded.held() == loaded.truth(NOW - timedelta(days=7))


Held = list[tuple[str, str, bool, bool]]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Name of each lock that is taken, what it says to others, whether it waits, and at first silently."""
    found: Held = []
    plain = locks.hold_lock

    def noting(path: Path, **options: Any) -> Any:
        found.append((path.name, options["what"], options["wait"], options.get("quiet_seconds", 0.0) > 0))
        return plain(path, **options)

    monkeypatch.setattr(locks, "hold_lock", noting)
    return found


@pytest.mark.parametrize("is_waiting", [False, True])
def test_the_locks_of_a_load_say_what_it_does(loaded: Bench, held: Held, is_waiting: bool) -> None:
    own, all_sources = loaded.directory.source_lock("prod").name, loaded.directory.lock.name
    loaded.load(wait=is_waiting)
    assert held[0] == (own, "load of prod", is_waiting, False)
    assert held[-1] == (all_sources, "publication", True, True)
    assert set(held[1:-1]) == {(all_sources, "tables of prod", True, True)}


def test_the_locks_of_other_work_say_what_it_does(loaded: Bench, held: Held) -> None:
    own, all_sources = loaded.directory.source_lock("prod").name, loaded.directory.lock.name
    for work, what in ((rebuild, "rebuild"), (requeue, "quarantine requeue")):
        held.clear()
        work(loaded.loading())
        assert held == [(own, what, False, False), (all_sources, what, True, True)]
    held.clear()
    list(maintain(loaded.loading(), {}))
    assert held[0] == (own, "maintenance of prod", False, False)
    assert set(held[1:]) <= {(all_sources, "compaction of prod", True, True)}


def test_a_load_that_failed_notes_what_it_received_and_why(loaded: Bench) -> None:
    loaded.source.fails_after = 1
    (result,) = load(loaded.loading(), [loaded._ready], LoadRequest(deep=True)).sources
    entry = read_loads(loaded.directory, "prod")[-1]
    assert entry == result.entry
    assert (entry.outcome, entry.message, entry.purpose) == ("failed", "the source went away", "deep")
    assert isinstance(result.failure, TransientSourceError)
    assert entry.finished_at == entry.started_at == NOW + HOUR
    assert entry.requests == loaded.source.requests_made
    numbers = (entry.new, entry.changed, entry.superseded, entry.repeats, entry.quarantined)
    assert sum(number or 0 for number in numbers) == entry.records
    assert loaded.ask("SELECT outcome FROM loads ORDER BY load_id") == [("done",), ("failed",)]


def test_a_source_that_cannot_even_be_asked_is_planned_and_noted(loaded: Bench) -> None:
    loaded.source.fails_after = 0
    (result,) = load(loaded.loading(), [loaded._ready], LoadRequest()).sources
    entry = result.entry
    assert (entry.outcome, entry.purpose, entry.requests, entry.records) == ("failed", "incremental", 1, 0)
    assert (entry.new, entry.repeats, entry.quarantined) == (0, 0, 0)
    assert entry.since is not None
    assert entry.expected_requests is not None


def test_a_requeue_counts_what_is_still_refused(tmp_path: Path) -> None:
    source = few_tasks()
    source.tasks[0] = replace(source.tasks[0], id="")
    bench = Bench(tmp_path, source)
    (result,) = bench.load().sources
    assert (result.entry.quarantined, result.quarantined, result.has_warnings) == (1, 1, True)
    (found,) = requeue(bench.loading())
    assert found == Requeued("prod", 1, 1)
    assert found.resolved == 0


@pytest.mark.fault("damaged files")
@pytest.mark.parametrize(
    "step", ["expect_load", "tasks_to_follow", "make_tables", "verify_days", "count_edits"]
)
def test_a_partition_that_is_damaged_at_any_step_is_made_again(
    loaded: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    plain, left = getattr(source_load, step), [1]

    def damage_first(*values: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            loaded.directory.partition("tasks", "prod", f"{YESTERDAY}").write_bytes(b"no parquet")
            raise StorageError("damaged")
        return plain(*values, **options)

    monkeypatch.setattr(source_load, step, damage_first)
    (result,) = loaded.load().sources
    assert (result.failure, left) == (None, [0])
    # Every record that had landed by then is accounted for.
    entry = result.entry
    numbers = (entry.new, entry.changed, entry.superseded, entry.repeats, entry.quarantined)
    assert sum(number or 0 for number in numbers) == entry.records
    assert loaded.held() == loaded.truth(NOW - timedelta(days=7))


def test_a_day_that_was_filed_and_not_made_at_all_is_missed(
    loaded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.source.tasks.append(replace(loaded.source.tasks[0], id="new"))
    monkeypatch.setattr(source_load, "make_tables", lambda *_, **__: Made())
    (result,) = loaded.load(deep=True).sources
    assert isinstance(result.failure, ConservationError)
    assert " filed, 0 accounted for" in str(result.entry.message)


def test_days_that_the_source_no_longer_serves_are_told_apart(tmp_path: Path) -> None:
    source = living(NOW, 5, Dialect(retention=timedelta(days=3)))
    (result,) = Bench(tmp_path, source).load().sources
    assert result.beyond_retention
    assert set(result.beyond_retention) <= set(result.unverified)
    assert max(result.beyond_retention) <= date(2026, 3, 7)
    assert set(result.newly_beyond) <= set(result.beyond_retention)
