"""What a sweep asks for, lands and notes, of a source that a test answers for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SourceError, TransientSourceError
from cbr_warehouse.extract import window_split
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.raw.files import read_columns
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import SweepEntry, read_sweeps
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DAY = TaskQuery(start_time=NOW - 24 * HOUR, end_time=NOW)
CONTRACT = read_contract()


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def task(number: int) -> bytes:
    """A task created so many seconds before noon."""
    created = NOW - number * SECOND
    return json.dumps({"id": f"t{number}", "created_at": f"{created:%Y-%m-%dT%H:%M:%S}"}).encode()


@dataclass
class Client:
    """A source that lists the same tasks for each query, and counts them if it counts at all."""

    tasks: Sequence[bytes] = tuple(map(task, range(1, 8)))
    most: int = 3
    counts: bool = True
    served_at: datetime | None = None
    refused: dict[str, SourceError] = field(default_factory=dict)
    asked: list[tuple[TaskQuery, int, int]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        with self.lock:
            self.asked.append((query, limit, offset))
        for value in (query.status, query.provider_id):
            if value in self.refused:
                raise self.refused[str(value)]
        rows = self.rows(query)
        page = tuple(rows[offset : offset + min(limit, self.most)])
        count = len(rows) if self.counts else None
        return Page(page, count, NOW, query, limit, offset, 200, served_at=self.served_at)

    def rows(self, query: TaskQuery) -> Sequence[bytes]:
        del query
        return self.tasks

    def show_task(self, task_id: str) -> Page:
        with self.lock:
            self.asked.append((TaskQuery(resource_id=task_id), 0, 0))
        if task_id in self.refused:
            raise self.refused[task_id]
        found = tuple(record for record in self.tasks if json.loads(record)["id"] == task_id)
        return Page(found, None, NOW, None, None, None, 200 if found else 404)


STEP = 5 * SECOND
DENSE = TaskQuery(start_time=NOW - 1.5 * HOUR, end_time=NOW)
TASKS = tuple(task(5 * number) for number in range(1, 1_081))
"""A task every five seconds of the last hour and a half."""


class Windowed(Client):
    """A source of those tasks whose windows have the tasks created in them, by pages of 20."""

    def rows(self, query: TaskQuery) -> Sequence[bytes]:
        first = max(1, -(-(NOW - (query.end_time or NOW)) // STEP))
        last = (NOW - (query.start_time or NOW - 9 * HOUR)) // STEP
        return self.tasks[first - 1 : last]


@dataclass
class Load:
    """A load that runs sweeps, and what it left behind."""

    folder: Path
    client: Client
    scopes: tuple[TaskQuery, ...] = (TaskQuery(),)

    def __post_init__(self) -> None:
        self.directory = DataDirectory(self.folder)
        landing = Landing(
            self.directory,
            "prod",
            "L1",
            validator=RecordValidator(CONTRACT),
            contract=CONTRACT.fingerprint,
        )
        clock = SourceClock(lambda: NOW, "prod")
        client, directory = self.client, self.directory
        self.runner = SweepRunner(client, landing, directory, "prod", "L1", clock, self.scopes)  # type: ignore[arg-type]  # asks alike

    def noted(self) -> list[SweepEntry]:
        return read_sweeps(self.directory, "prod", frozenset(["L1"]))

    def stored(self) -> list[tuple[str, int, int, int]]:
        """Task, sweep, page and position of each record on the disk."""
        names = ["task_id", "sweep", "page", "position"]
        paths = sorted(self.folder.rglob("raw/records/**/[!.]*.parquet"))
        rows = [row for path in paths for row in read_columns(path, names).to_pylist()]
        return sorted((tuple(row.values()) for row in rows), key=lambda row: row[1:])


def test_a_sweep_reads_every_page_and_notes_what_it_read(tmp_path: Path) -> None:
    load, received = Load(tmp_path, Client()), list[int]()
    load.runner.sweep_all([Sweep(DAY, "a day")], received.append)
    # Pages overlap by a row; the last one has that alone.
    assert [offset for _, _, offset in load.client.asked] == [0, 2, 4, 6]
    assert {limit for _, limit, _ in load.client.asked} == {1000}
    assert received == [3, 3, 3]
    assert load.noted() == [SweepEntry("L1", 1, "a day", DAY.start_time, DAY.end_time, 3, 9, NOW)]
    pages = [(1, (1, 2, 3)), (2, (4, 5)), (3, (6, 7))]
    assert [row[:3] for row in load.stored()] == [
        (f"t{number}", 1, page - 1) for page, numbers in pages for number in numbers
    ]
    counters = load.runner.counters
    assert (counters.records, dict(counters.distinct), counters.repeated) == (9, {"2026-11-20": 7}, 0)


def test_each_sweep_has_a_number_of_its_own(tmp_path: Path) -> None:
    load = Load(tmp_path, Client())
    load.runner.sweep_all([Sweep(TaskQuery(status=status), status) for status in ("a", "b")])
    load.runner.sweep_all([Sweep(TaskQuery(status="c"), "c")])
    assert {(entry.sweep, entry.reason) for entry in load.noted()} == {(1, "a"), (2, "b"), (3, "c")}
    load.runner.sweep_all([])
    assert len(load.noted()) == 3


def test_a_sweep_without_rows_is_noted_too(tmp_path: Path) -> None:
    load = Load(tmp_path, Client(tasks=()))
    load.runner.sweep_all([Sweep(DAY, "a day")])
    assert [(entry.pages, entry.records) for entry in load.noted()] == [(0, 0)]


def test_each_query_is_repeated_in_each_scope(tmp_path: Path) -> None:
    one, two = TaskQuery(enterprise_project_id="1"), TaskQuery(enterprise_project_id="2")
    hidden = TaskQuery(enterprise_project_id="1", provider_id="p")
    load = Load(tmp_path, Client(most=1000), (one, two, hidden))
    load.runner.sweep_all([Sweep(TaskQuery(status="running"), "open")])
    asked = {query for query, _, _ in load.client.asked}
    assert asked == {
        TaskQuery(status="running", enterprise_project_id="1"),
        TaskQuery(status="running", enterprise_project_id="2"),
        TaskQuery(status="running", enterprise_project_id="1", provider_id="p"),
    }
    assert [(entry.pages, entry.records) for entry in load.noted()] == [(3, 21)]
    # A scope by provider has nothing more for a query by provider.
    assert load.runner.within(TaskQuery(provider_id="q")) == [
        TaskQuery(enterprise_project_id="1", provider_id="q"),
        TaskQuery(enterprise_project_id="2", provider_id="q"),
    ]


def test_counts_are_the_sum_over_all_scopes(tmp_path: Path) -> None:
    scopes = (TaskQuery(enterprise_project_id="1"), TaskQuery(enterprise_project_id="2"))
    load = Load(tmp_path, Client(), scopes)
    assert load.runner.count(DAY) == 14
    assert [(limit, offset) for _, limit, offset in load.client.asked] == [(1, 0)] * 2
    assert load.stored() == []
    load.client.counts = False
    assert load.runner.count(DAY) is None
    assert Load(tmp_path, Client(tasks=())).runner.count(DAY) == 0


def test_tasks_are_shown_by_id_where_the_source_shows_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused: dict[str, SourceError] = {
        "t1": ForbiddenError("You lack cbr:tasks:get.", 403),
        "t2": PermanentSourceError("No such address.", 404),
    }
    load = Load(tmp_path, Client(refused=refused))
    assert load.runner.show_all([]) == []
    assert load.client.asked == []
    assert load.runner.show_all(["t1", "t9", "t2", "t3", "t8", "t4"]) == ["t9", "t8"]
    assert load.stored() == [("t3", 1, 3, 0), ("t4", 1, 5, 0)]
    assert load.runner.counters.records == 2
    assert "You lack cbr:tasks:get." in caplog.text
    assert load.noted() == []
    load.client.refused["t5"] = TransientSourceError("the source is down")
    with pytest.raises(TransientSourceError):
        load.runner.show_all(["t5"])


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("may_be_refused", [False, True])
def test_a_sweep_that_may_be_refused_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, *, may_be_refused: bool
) -> None:
    refused = {"odd": PermanentSourceError("odd is not allowed.", status)}
    load = Load(tmp_path, Client(refused=dict(refused)))
    sweeps = [
        Sweep(TaskQuery(status="odd"), "odd", may_be_refused=may_be_refused),
        Sweep(TaskQuery(status="even"), "even"),
    ]
    if may_be_refused and status == 400:
        load.runner.sweep_all(sweeps)
        assert "odd is not allowed. The load goes on without it." in caplog.text
        assert [entry.reason for entry in load.noted()] == ["even"]
        return
    with pytest.raises(PermanentSourceError, match="odd is not allowed"):
        load.runner.sweep_all(sweeps)
    assert "odd" not in {entry.reason for entry in load.noted()}


def test_what_came_before_a_failure_is_on_the_disk(tmp_path: Path) -> None:
    load = Load(tmp_path, Client(refused={"odd": TransientSourceError("the source is down")}))
    load.runner.sweep_all([Sweep(TaskQuery(status="even"), "even")])
    ask = load.client.list_tasks

    def fail_later(query: TaskQuery, *, limit: int, offset: int) -> Page:
        if offset > 2:
            raise TransientSourceError("the source is down")
        return ask(query, limit=limit, offset=offset)

    load.client.tasks = tuple(map(task, range(11, 18)))
    load.client.list_tasks = fail_later  # type: ignore[method-assign]
    with pytest.raises(TransientSourceError):
        load.runner.sweep_all([Sweep(TaskQuery(), "all")])
    assert {row[0] for row in load.stored()} == {*(f"t{n}" for n in (*range(1, 8), *range(11, 16)))}
    assert [entry.reason for entry in load.noted()] == ["even"]


def test_a_record_is_timed_by_the_clock_of_the_source(tmp_path: Path) -> None:
    load = Load(tmp_path, Client(served_at=NOW - 3 * HOUR))
    load.runner.sweep_all([Sweep(DAY, "a day")])
    assert [entry.finished_at for entry in load.noted()] == [NOW - 3 * HOUR]
    (path,) = tmp_path.rglob("raw/records/**/[!.]*.parquet")
    assert set(read_columns(path, ["fetched_at"])[0].to_pylist()) == {NOW - 3 * HOUR}


def test_a_page_size_that_is_refused_is_asked_for_once(tmp_path: Path) -> None:
    load = Load(tmp_path, Client(most=100))
    ask = load.client.list_tasks

    def small(query: TaskQuery, *, limit: int, offset: int) -> Page:
        if limit > 100:
            load.client.asked.append((query, limit, offset))
            raise PermanentSourceError("limit must not exceed 100", 400)
        return ask(query, limit=limit, offset=offset)

    load.client.list_tasks = small  # type: ignore[method-assign]
    load.runner.sweep_all([Sweep(TaskQuery(), "all")])
    load.runner.sweep_all([Sweep(TaskQuery(), "again")])
    assert [limit for _, limit, _ in load.client.asked].count(1000) == 1
    assert load.runner.page_size.rows == 100
    assert len(load.noted()) == 2


def dense(folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Load:
    """A load from a source with many pages in a window."""
    monkeypatch.setattr(window_split, "MOST_PAGES", 10)
    client.tasks, client.most = TASKS, 20
    return Load(folder, client)


@pytest.mark.parametrize("end", [NOW, None], ids=["a day", "the live edge"])
def test_a_dense_window_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: datetime | None
) -> None:
    received: list[int] = []
    load = dense(tmp_path, Windowed(), monkeypatch)
    window = replace(DENSE, end_time=end)
    load.runner.sweep_all([Sweep(window, "a day"), Sweep(TaskQuery(status="x"), "x")], received.append)
    assert max(offset for query, _, offset in load.client.asked if query.status is None) <= 220
    assert len({row[0] for row in load.stored()}) == len(TASKS)
    entry, other = load.noted()
    assert (entry.start, entry.end, entry.reason) == (DENSE.start_time, end, "a day")
    # Each part has a number of its own, and all of them count as the sweep's. The other sweep runs at the
    # same time, so it takes its number before, between or after the parts, and may land a record first.
    asked = [query for query, limit, _ in load.client.asked if query.status is None and limit > 1]
    windows = {(query.start_time, query.end_time) for query in asked}
    assert entry.sweep == 1
    assert other.sweep > 1
    assert len(windows) > 4
    assert load.runner._next_number() == len(windows) + 2
    assert sum(received) == load.runner.counters.records
    assert entry.records + other.records == sum(received)
    assert entry.pages + other.pages == len(received)
    assert len(TASKS) <= entry.records < 1.2 * len(TASKS)


class LeavesOut(Windowed):
    """Lists in shorter windows only what is of the last hour, but counts everything."""

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        page = super().list_tasks(query, limit=limit, offset=offset)
        if query == DENSE or limit == 1:
            return page
        return replace(page, records=tuple(one for one in page.records if one in TASKS[:720]))


def test_a_window_whose_parts_lack_rows_is_read_whole_and_no_other_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = dense(tmp_path, LeavesOut(), monkeypatch)
    load.runner.sweep_all([Sweep(DENSE, "a day")])
    assert len({row[0] for row in load.stored()}) == len(TASKS)
    split = len(load.client.asked)
    load.runner.sweep_all([Sweep(DENSE, "again")])
    assert {query for query, _, _ in load.client.asked[split:]} == {DENSE}


def test_neighbouring_dense_windows_leave_their_overlap_to_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle, pad = NOW - 0.75 * HOUR, HOUR / 4
    windows = [
        Sweep(TaskQuery(start_time=DENSE.start_time, end_time=middle + pad), "before"),
        Sweep(TaskQuery(start_time=middle - pad, end_time=NOW), "after"),
    ]
    records = {}
    for are_neighbours in (False, True):
        load = dense(tmp_path / str(are_neighbours), Windowed(), monkeypatch)
        load.runner.sweep_all(windows, are_neighbours=are_neighbours)
        assert len({row[0] for row in load.stored()}) == len(TASKS)
        records[are_neighbours] = load.runner.counters.records
    assert records[False] > len(TASKS) + 360
    assert records[True] < len(TASKS) + 180
