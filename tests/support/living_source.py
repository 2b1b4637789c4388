"""A changing source in memory with any dialect, without HTTP.

For tests that need thousands of loads. It knows nothing of the loader but the client's two calls.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, Self
from uuid import UUID

from cbr_warehouse.errors import TransientSourceError
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery

PROVIDERS = ("0daac4c5-6707-4851-97ba-169e36266b66", "3f3c3220-245c-4805-b811-758870015881")


@dataclass(frozen=True)
class Dialect:
    """How a source interprets requests."""

    order: str = "created_at"
    descending: bool = True
    column: str = "created_at"
    end_column: str | None = None
    inclusive: bool = True
    by_second: bool = False
    most: int = 1000
    count: str = "all"
    first_offset: int = 0
    hidden_provider: str | None = None
    retention: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Task:
    """A task from its creation to its end."""

    id: str
    created_at: datetime
    started_at: datetime
    ended_at: datetime
    provider_id: str
    outcome: str
    visible_from: datetime

    def at(self, now: datetime) -> dict[str, Any] | None:
        """The record as returned by the source at a time; None before it appears."""
        if now < self.visible_from:
            return None
        started, ended = now >= self.started_at, now >= self.ended_at
        progress = 100 if ended else 10 if started else 0
        return dict(_columns(self, started, ended)) | {"extra_info": {"common": {"progress": progress}}}


@lru_cache(maxsize=4096)  # every request of a load looks at every task
def _columns(task: Task, started: bool, ended: bool) -> Mapping[str, Any]:
    times = [task.created_at, *([task.started_at] if started else []), *([task.ended_at] if ended else [])]
    return {
        "id": task.id,
        "operation_type": "backup",
        "status": task.outcome if ended else "running" if started else "waiting",
        "provider_id": task.provider_id,
        "created_at": _print(task.created_at),
        "started_at": _print(task.started_at) if started else None,
        "ended_at": _print(task.ended_at) if ended else None,
        "updated_at": _print(max(times)),
    }


@dataclass
class LivingSource:
    """The source. Its clock is set by the test; requests may advance it."""

    now: datetime
    dialect: Dialect = field(default_factory=Dialect)
    tasks: list[Task] = field(default_factory=list)
    pace: timedelta = timedelta()
    fails_after: int | None = None
    requests_made: int = 0
    rate_limited_requests: int = 0
    received_bytes: int = 0
    machine_ahead: timedelta = timedelta()
    """How far the loader's clock is ahead of the source's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def populate(self, random: Random, count: int, days: int) -> None:
        """Adds tasks over the days before now, and some hours after."""
        for _ in range(count):
            created = self.now - timedelta(seconds=random.uniform(-4 * 3600, days * 86400))
            if random.random() < 0.2:
                created = created.replace(hour=0, minute=0, second=random.randrange(3))
            self.add(random, created)

    def add(self, random: Random, created: datetime, late: timedelta = timedelta()) -> Task:
        """Adds one task, shown from its creation on or later."""
        wait = timedelta(seconds=random.choice([-0.03, 0.2, 20, 400, 5000]))
        lasts = timedelta(seconds=random.choice([1, 60, 1800, 20000]))
        task = Task(
            id=str(UUID(int=random.getrandbits(128))),
            created_at=created,
            started_at=created + wait,
            ended_at=created + max(wait, timedelta()) + lasts,
            provider_id=random.choice(PROVIDERS),
            outcome=random.choice(["success", "success", "failed", "timeout"]),
            visible_from=created + late,
        )
        self.tasks.append(task)
        return task

    def served(self) -> dict[str, dict[str, Any]]:
        """Every task that the source currently serves, by id."""
        shown = {}
        for task in self.tasks:
            record = task.at(self.now)
            if record is not None and task.created_at >= self.now - self.dialect.retention:
                shown[task.id] = record
        return shown

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        """One page in the dialect."""
        self._tick()
        rows = [record for record in self.served().values() if self._matches(record, query)]
        rows.sort(
            key=lambda record: (record[self.dialect.order] or "", record["id"]),
            reverse=self.dialect.descending,
        )
        begin = max(0, offset - self.dialect.first_offset)
        page = rows[begin : begin + min(limit, self.dialect.most)]
        count = len(rows) if self.dialect.count == "all" else len(page)
        texts = tuple(json.dumps(record).encode() for record in page)
        machine = self.now + self.machine_ahead
        return Page(
            texts, count, machine, query, limit, offset, 200, served_at=self.now.replace(microsecond=0)
        )

    def show_task(self, task_id: str) -> Page:
        """One task, or an empty page."""
        self._tick()
        record = self.served().get(task_id)
        texts = (json.dumps(record).encode(),) if record else ()
        return Page(texts, None, self.now + self.machine_ahead, None, None, None, 200 if record else 404)

    def _tick(self) -> None:
        self.requests_made += 1
        self.now += self.pace
        if self.fails_after is not None and self.requests_made > self.fails_after:
            raise TransientSourceError("the source went away")

    def _matches(self, record: dict[str, Any], query: TaskQuery) -> bool:
        hidden = self.dialect.hidden_provider
        if hidden is not None and record["provider_id"] == hidden and query.provider_id != hidden:
            return False
        named = ("status", "provider_id", "operation_type")
        if any(getattr(query, name) not in {None, record[name]} for name in named):
            return False
        start, end = self.dialect.column, self.dialect.end_column or self.dialect.column
        return self._within(record[start], query.start_time, None) and self._within(
            record[end], None, query.end_time
        )

    def _within(self, printed: str | None, start: datetime | None, end: datetime | None) -> bool:
        if start is None and end is None:
            return True
        if printed is None:
            return False
        instant = _read(printed)
        if self.dialect.by_second:
            instant = instant.replace(microsecond=0)
        if start is not None:
            start = start.replace(microsecond=0)
            return instant >= start if self.dialect.inclusive else instant > start
        assert end is not None
        end = end.replace(microsecond=0)
        return instant <= end if self.dialect.inclusive else instant < end


def living(now: datetime, seed: int, dialect: Dialect, **changes: Any) -> LivingSource:
    """A populated source."""
    source = replace(LivingSource(now, dialect), **changes)
    source.populate(Random(seed), 160, 8)
    return source


@lru_cache(maxsize=4096)
def _read(printed: str) -> datetime:
    return datetime.fromisoformat(printed).replace(tzinfo=UTC)


def _print(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
