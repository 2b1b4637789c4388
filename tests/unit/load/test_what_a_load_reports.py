"""What a load tells of its progress, and what it notes of itself in the end."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load import locks, publish
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.locks import hold_directory, hold_everything, hold_source
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.revalidate_quarantine import requeue
from cbr_warehouse.load.run import load, rebuild
from cbr_warehouse.raw.ledgers import read_loads
from cbr_warehouse.storage import lock
from cbr_warehouse.warehouse import news
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Recorder(Progress):
    """Everything that was reported, as words; advances are added up."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.advanced: dict[str, int] = {}

    def step(self, source: str, what: str, *, is_counted: bool = False) -> None:
        self.said.append(f"{source}: {what}{' (counted)' if is_counted else ''}")

    def advance(self, source: str, amount: int = 1) -> None:
        step = next(one for one in reversed(self.said) if one.startswith(f"{source}: "))
        self.advanced[step] = self.advanced.get(step, 0) + amount

    def finish(self, source: str) -> None:
        self.said.append(f"{source}: finished")

    def fail(self, source: str) -> None:
        self.said.append(f"{source}: failed")

    def notice(self, sentence: str) -> None:
        self.said.append(f"notice: {sentence}")


def few_tasks() -> LivingSource:
    source = living(NOW, 5, Dialect())
    source.tasks = [task for task in source.tasks if NOW - timedelta(days=2) < task.created_at < NOW]
    return source


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, few_tasks())


@pytest.fixture(scope="module")
def loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bench = Bench(tmp_path_factory.mktemp("loaded"), few_tasks())
    bench.load()
    return bench.directory.root


@pytest.fixture
def loaded(loaded_once: Path, tmp_path: Path) -> Bench:
    return Bench(shutil.copytree(loaded_once, tmp_path / "data"), few_tasks())


def recorded(bench: Bench) -> tuple[LoadContext, Recorder]:
    recorder = Recorder()
    return replace(bench.loading(), progress=recorder), recorder


PUBLISHED = [": warehouse published", ": finished"]


def test_a_load_tells_its_steps_and_how_far_they_are(bench: Bench) -> None:
    context, recorder = recorded(bench)
    (result,) = load(context, [bench._ready], LoadRequest()).sources
    assert recorder.said == [
        "prod: tasks received (counted)",
        "prod: days rebuilt (counted)",
        "prod: completeness checked",
        "prod: finished",
        *PUBLISHED,
    ]
    assert recorder.advanced["prod: tasks received (counted)"] == result.entry.records
    assert recorder.advanced["prod: days rebuilt (counted)"] == len(bench.directory.days("prod"))


def test_a_load_that_fails_tells_so(bench: Bench) -> None:
    context, recorder = recorded(bench)
    bench.source.fails_after = 1
    load(context, [bench._ready], LoadRequest())
    # What had landed is made into tables, and published.
    assert recorder.said[-4:] == ["prod: failed", "prod: days rebuilt (counted)", *PUBLISHED]


def test_a_rebuild_and_a_requeue_tell_their_steps(loaded: Bench) -> None:
    days = len(loaded.directory.days("prod"))
    for work in (rebuild, requeue):
        context, recorder = recorded(loaded)
        work(context)
        assert recorder.said == ["prod: days rebuilt (counted)", "prod: finished", *PUBLISHED]
        assert recorder.advanced == ({"prod: days rebuilt (counted)": days} if work is rebuild else {})


def test_a_publication_tells_who_is_still_loading_and_that_it_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, recorder = recorded(bench)

    def refuse(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(publish, "build_warehouse", refuse)
    with pytest.raises(StorageError, match="full"):
        publish_warehouse(context, still_loading=2)
    assert recorder.said == [": warehouse published, 2 still loading", ": failed"]


def test_waiting_is_told_with_the_holder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(lock, "_POLL_SECONDS", 0.001)
    context, recorder = recorded(bench)

    def take(source: str) -> None:
        with hold_source(context, source, "load of prod", wait=True), hold_directory(context, "publication"):
            pass

    for held in (hold_source(context, "prod", "a test", wait=False), hold_directory(context, "a test")):
        with held:
            waiting = Thread(target=take, args=["prod"])
            waiting.start()
            while not recorder.said:
                waiting.join(0.002)
        waiting.join()
        recorder.said, said = [], recorder.said
        who = "prod" if "prod" in said[0] else "publication"
        assert said[0].startswith(f"notice: {who}: waiting for a test")
    assert who == "publication"


@pytest.mark.parametrize("name", ["prod", "another"])
def test_whoever_wants_all_sources_fails_while_one_is_loaded(loaded: Bench, name: str) -> None:
    """Also while one is loaded for the first time, which has a lock and nothing else."""
    context = loaded.loading()
    with (
        hold_source(context, name, f"load of {name}", wait=False),
        pytest.raises(LoadRunningError, match=f"load of {name}"),
        hold_everything(context, "rebuild"),
    ):
        pass
    with hold_everything(context, "rebuild"), pytest.raises(LoadRunningError, match="rebuild"):
        load(context, [loaded._ready], LoadRequest())


def test_the_entry_of_a_load_has_what_it_did(bench: Bench) -> None:
    tasks = len(bench.source.served())
    (result,) = bench.load().sources
    (entry,) = read_loads(bench.directory, "prod")
    assert entry == result.entry
    assert (entry.source, entry.purpose, entry.outcome, entry.message) == ("prod", "deep", "done", None)
    assert entry.load_id.startswith("20260310T120000")
    assert (entry.started_at, entry.finished_at) == (NOW, NOW)
    assert (entry.since, entry.until) == (datetime(2026, 3, 3, tzinfo=UTC), None)
    assert (entry.requests, entry.received_bytes, entry.rate_limited) == (bench.source.requests_made, 0, 0)
    assert (entry.new, entry.changed, entry.superseded, entry.quarantined) == (tasks, 0, 0, 0)
    assert entry.records == tasks + (entry.repeats or 0)
    assert (entry.expected_requests, entry.expected_records) == (
        None,
        None,
    )  # nothing is known before the first load
    assert result.read[-1] == date(2026, 3, 10)
    assert (result.failure, result.held_back, result.kept, result.quarantined) == (None, None, (), 0)
    assert result.unverified == tuple(one.day for one in result.findings if one.state == "unverified")
    assert (result.incomplete, result.newly_lost) == ((), ())


def test_purposes_are_noted(loaded: Bench) -> None:
    since, until = datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    for hours, wanted in ((1, {}), (2, {"range": Range(since, until)})):
        loaded.source.now = NOW + timedelta(hours=hours)
        loaded.load(**wanted)
    entries = read_loads(loaded.directory, "prod")[1:]
    assert [entry.purpose for entry in entries] == ["incremental", "range"]
    assert (entries[-1].since, entries[-1].until) == (since, until)
    assert [entry.new for entry in entries] == [0, 0]
    assert abs((entries[0].expected_records or 0) - (entries[0].records or 0)) <= 1
    assert entries[0].expected_requests == pytest.approx(entries[0].requests, rel=0.5)


def test_a_load_of_no_source_does_nothing(bench: Bench) -> None:
    assert load(bench.loading(), [], LoadRequest()) == LoadResult(())
    assert not bench.directory.warehouse.exists()


def test_a_large_warehouse_may_stay_as_long_as_the_settings_say(
    loaded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(news, "can_clone", lambda _path: False)
    before = loaded.directory.warehouse.stat().st_ino
    publish_warehouse(replace(loaded.loading(), publish_unchanged=timedelta(hours=1)))
    assert loaded.directory.warehouse.stat().st_ino == before
    publish_warehouse(replace(loaded.loading(), publish_unchanged=timedelta(0)))
    assert loaded.directory.warehouse.stat().st_ino != before
