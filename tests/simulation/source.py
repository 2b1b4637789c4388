"""The source of a life: the emulator's application with an estate that lives as long, and what it served."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cbr_emulator.clock import Clock
from cbr_emulator.dialect.late_and_edited import TaskChanges
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.faults.injector import Faults
from cbr_emulator.faults.options import FaultOptions
from cbr_emulator.server.app import Emulator
from cbr_emulator.server.auth import PROJECT
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


@dataclass
class Served:
    """A record that the source has sent: its exact texts, and by which load each was received in full."""

    texts: set[bytes] = field(default_factory=set)


class Source(Emulator):
    """The emulator, with a note of every record it sends.

    Attributes:
        sent: The texts of the request that is being answered, by task.
        ever_sent: All texts ever sent, by task.
    """

    sent: list[tuple[str, bytes]]
    ever_sent: dict[str, set[bytes]]

    def _text(self, store: RecordStore, row: Row, now: datetime) -> bytes:
        text = super()._text(store, row, now)
        self.sent.append((row.filter_values["id"], text))
        self.ever_sent.setdefault(row.filter_values["id"], set()).add(text)
        return text

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


def make_source(seed: Seed, clocks: Clocks, life: timedelta) -> Source:
    """The source of a life: some dozen to some hundred tasks, from before its first load until its end."""
    random = seed.stream("source")
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
    estate = generate_estate(tasks, whole_days, seed.number, begin + life)
    options = FaultOptions(retry_after=random.choice([None, 1, 30]))
    faults = Faults(options, options.bad_records(seed.number), seed.stream("faults"), clocks.monotonic)
    changes = TaskChanges(dialect, seed.number) if dialect.late or dialect.edited else None
    clock = Clock(begin, clocks.elapsed, machine=clocks.now)
    records = EstateRecords(estate, PROJECT, changes)
    projects = Projects(name_projects(1), lambda _project: (records, ()))
    source = Source(records, (), projects, dialect, faults, clock)
    source.sent, source.ever_sent = [], {}
    return source


def pick_rates(random: Random) -> dict[str, float]:
    """Shares of requests that fail in a bad hour, by kind of fault of the emulator."""
    kinds = ["throttle", "gateway", "error_500", "error_503", "truncate", "corrupt"]
    return {kind: random.choice([0.05, 0.2, 0.5]) for kind in random.sample(kinds, random.randint(1, 3))}
