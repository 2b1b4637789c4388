"""The source of a life: the emulator's application with an estate that lives as long, and what it served."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cbr_emulator.clock import Clock
from cbr_emulator.dialect.late_and_edited import TaskChanges
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.faults.bad_records import KINDS, BadRecords
from cbr_emulator.faults.injector import Faults
from cbr_emulator.faults.options import FaultOptions
from cbr_emulator.seeded_random import seeded_fraction
from cbr_emulator.server.app import Emulator
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.list_endpoint import ListResult
from cbr_emulator.server.projects import Projects, name_projects
from cbr_emulator.server.record_store import EstateRecords, RecordStore, Row
from simulation.clocks import Clocks
from simulation.seed import Seed

HISTORY = timedelta(days=7)
"""How far back the first load goes."""

DIALECTS = (
    Dialect(),
    Dialect(direction="asc"),
    Dialect(order="updated_at", max_limit=50),
    Dialect(filter="started_at"),
    Dialect(filter="updated_at", bounds="exclusive"),
    Dialect(filter="started_ended", max_limit=20),
    Dialect(bounds="exclusive", times="z"),
    Dialect(max_limit=10),
    Dialect(count="page"),
    Dialect(offset_base="1"),
    Dialect(provider_default="server_disk"),
    Dialect(order="id", counters="long", unknown="present"),
)


BAD_KINDS = tuple(kind for kind in KINDS if kind != "megabyte")
"""Malformed records that a source may have. One of a megabyte is well-formed, and slow to compare."""


class Source(Emulator):
    """The emulator, with a note of every record it sends.

    Attributes:
        withheld: Share of the tasks that it counts and does not list.
        sent: The texts of the request that is being answered, by task.
        ever_sent: All texts ever sent, by task.
    """

    withheld: float
    sent: list[tuple[str, bytes]]
    ever_sent: dict[str, set[bytes]]

    def _text(self, store: RecordStore, row: Row, now: datetime) -> bytes:
        text = super()._text(store, row, now)
        self.sent.append((row.filter_values["id"], text))
        self.ever_sent.setdefault(row.filter_values["id"], set()).add(text)
        return text

    def is_withheld(self, task_id: object, share: float) -> bool:
        """Whether a task is one of those that are not listed while a share is withheld."""
        return seeded_fraction(self.faults.bad_records.seed, "withheld", task_id) < share

    def is_bad(self, task_id: str) -> bool:
        """Whether the records of a task are malformed."""
        return self.faults.bad_records.kind_of(task_id) is not None

    def shown(self, now: datetime) -> dict[str, bytes]:
        """The record of each task served at a time."""
        rows = self.served.rows(now, self.dialect.retention)
        return {row.filter_values["id"]: super(Source, self)._text(self.served, row, now) for row in rows}

    @property
    def visible_from(self) -> dict[str, datetime]:
        """When each task appears, of all times."""
        store: Any = self.served
        return {task.id: store._appear.get(place, task.created_at) for place, task in enumerate(store._tasks)}

    @property
    def created_at(self) -> dict[str, datetime]:
        """When each task was created, of all times."""
        store: Any = self.served
        return {task.id: task.created_at for task in store._tasks}


def make_source(seed: Seed, number: int, clocks: Clocks, life: timedelta) -> Source:
    """A source of a life: some dozen to some hundred tasks, from before its first load until its end."""
    random = seed.stream(f"source {number}")
    dialect = replace(
        random.choice(DIALECTS),
        retention=timedelta(days=random.choice([30, 30, 10])),
        late=random.choice([0, 0, 0.05]),
        edited=random.choice([0, 0.05]),
        edits=random.choice(["dated", "silent"]),
    )
    begin = clocks.now()
    days = HISTORY + life
    whole_days = days // timedelta(days=1) + 2
    tasks = random.randint(3, 12) * whole_days
    # Tasks are in progress when the estate is made: half-way through, so that loads follow them.
    own = 2 * seed.number + number
    estate = generate_estate(tasks, whole_days, own, begin + life)
    options = FaultOptions(retry_after=random.choice([None, 1, 30]), bad_rate=random.choice([0, 0, 0.05]))
    bad_records = BadRecords(options.bad_rate or 0, BAD_KINDS, own)
    faults = Faults(options, bad_records, seed.stream(f"faults {number}"), clocks.monotonic)
    changes = TaskChanges(dialect, own) if dialect.late or dialect.edited else None
    clock = Clock(begin, clocks.elapsed, machine=clocks.now)
    records = EstateRecords(estate, PROJECT, changes)
    projects = Projects(name_projects(1), lambda _project: (records, ()))
    source = Source(records, (), projects, dialect, faults, clock)
    source.sent, source.ever_sent, source.withheld = [], {}, 0.0
    return source


def without_withheld(
    plain: Callable[..., ListResult], sources: Iterable[Source]
) -> Callable[..., ListResult]:
    """Stands in for the emulator's ``list_rows``: leaves out of a page what its source withholds.

    Args:
        plain: The function itself.
        sources: The sources, told from each other by their records.
    """
    of_records = {id(source.served): source for source in sources}

    def list_rows(served: RecordStore, *rest: Any) -> ListResult:
        found, source = plain(served, *rest), of_records[id(served)]
        # A source that counts the rows of a page alone would not count them either.
        if source.dialect.count != "all" or not source.withheld:
            return found
        rows = [row for row in found.rows if not source.is_withheld(row.filter_values["id"], source.withheld)]
        return replace(found, rows=rows)

    return list_rows


def pick_rates(random: Random) -> dict[str, float]:
    """Shares of requests that fail in a bad hour, by kind of fault of the emulator."""
    kinds = ["throttle", "gateway", "error_500", "error_503", "truncate", "corrupt"]
    return {kind: random.choice([0.05, 0.2, 0.5]) for kind in random.sample(kinds, random.randint(1, 3))}
