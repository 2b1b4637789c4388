"""Watches an installation from outside: what its sources serve, what is published when, runs, memory."""

import json
import sqlite3
import threading
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
from services import Installation

OPEN = frozenset({"running", "waiting"})
UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING", "MANAGED")

Tasks = dict[str, str]
"""Status by id."""


@dataclass
class Tick:
    """One tick of the schedule, for one source.

    Attributes:
        at: Its time, seconds since 1970.
        source: The source.
        wanted: What the source served just before and was not published.
        news: How many tasks of it were new or changed.
        due_from: Since when it is owed: the tick after, if everything was killed meanwhile.
        published_at: When all of it was published; None if it is not.
    """

    at: float
    source: str
    wanted: Tasks
    news: int
    due_from: float
    published_at: float | None = None

    @property
    def seconds(self) -> float | None:
        """From tick to publication; None while it is not published."""
        return None if self.published_at is None else self.published_at - self.due_from


@dataclass(frozen=True)
class Sample:
    """Resident memory by service, bytes, at a time; and the seconds of CPU used so far."""

    at: float
    resident: dict[str, int]
    cpu_seconds: dict[str, float]


@dataclass
class Watch:
    """Looks at the published file every second and at the processes every five, in a thread.

    Attributes:
        installation: What is watched.
        ticks: The ticks so far.
        samples: Memory over time.
        published: What is published, by source.
    """

    installation: Installation
    ticks: list[Tick] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    published: dict[str, Tasks] = field(default_factory=dict)
    _identity: tuple[int, int] | None = None
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_tick(self, at: float, served: dict[str, Tasks]) -> None:
        """A tick, with what each source served just before."""
        with self._lock:
            for source, tasks in served.items():
                wanted = lacking(tasks, self.published.get(source, {}))
                self.ticks.append(Tick(at, source, wanted, len(wanted), at, None if wanted else at))

    def postpone(self, due_from: float) -> None:
        """Everything was killed: what is not published yet is owed from the tick after the restart."""
        with self._lock:
            for tick in self.ticks:
                if tick.published_at is None:
                    tick.due_from = due_from

    def run(self) -> None:
        """Watches until ``end``."""
        next_sample = 0.0
        while not self._ended.wait(0.5):
            self._look()
            if time.time() >= next_sample:
                self._sample()
                next_sample = time.time() + 5

    def end(self) -> None:
        """Ends watching."""
        self._ended.set()

    def _look(self) -> None:
        try:
            found = self.installation.warehouse.stat()
        except FileNotFoundError:
            return
        identity = (found.st_ino, found.st_mtime_ns)
        if identity == self._identity:
            return
        published: dict[str, Tasks] = {}
        with duckdb.connect(str(self.installation.warehouse), read_only=True) as connection:
            for source, task_id, status in connection.execute(
                "SELECT source, task_id, status FROM tasks"
            ).fetchall():
                published.setdefault(source, {})[task_id] = status
        now = time.time()
        with self._lock:
            self._identity, self.published = identity, published
            for tick in self.ticks:
                if tick.published_at is None and not lacking(tick.wanted, published.get(tick.source, {})):
                    tick.published_at = now

    def _sample(self) -> None:
        resident: dict[str, int] = {}
        cpu: dict[str, float] = {}
        for name, process in list(self.installation.servers()):
            resident[name] = resident.get(name, 0) + process.resident_bytes
            cpu[name] = cpu.get(name, 0.0) + process.cpu_seconds
        self.samples.append(Sample(time.time(), resident, cpu))


def lacking(served: Tasks, published: Tasks) -> Tasks:
    """What a source served and is not published, or not as ended."""
    return {
        task_id: status
        for task_id, status in served.items()
        if task_id not in published or (status not in OPEN and published[task_id] != status)
    }


def served_by(url: str) -> Tasks:
    """What a source serves at present."""
    with urllib.request.urlopen(f"{url}/__emulator/truth", timeout=300) as answer:  # noqa: S310  # loopback
        return {record["id"]: record["status"] for record in json.load(answer)["operation_logs"]}


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that has not ended.

    Attributes:
        run_id: Its id.
        job: Its job.
        source: The source that it loads; None of another job.
        status: Its status.
        created_at: When it was requested, seconds since 1970.
    """

    run_id: str
    job: str
    source: str | None
    status: str
    created_at: float


def unfinished_runs(installation: Installation) -> list[UnfinishedRun]:
    """The runs that have not ended, as Dagster's own store has them."""
    path = installation.home / "history" / "runs.db"
    if not path.exists():
        return []
    places = ", ".join("?" * len(UNFINISHED))
    query = (
        "SELECT run_id, pipeline_name, status, create_timestamp, "
        "(SELECT value FROM run_tags WHERE run_tags.run_id = runs.run_id AND key = 'cbr-warehouse/source') "
        f"FROM runs WHERE status IN ({places})"  # of constants
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        rows = connection.execute(query, UNFINISHED).fetchall()
    return [
        UnfinishedRun(
            run_id, job, source, status, datetime.fromisoformat(created).replace(tzinfo=UTC).timestamp()
        )
        for run_id, job, status, created, source in rows
    ]
