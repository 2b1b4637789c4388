"""A changing source and the warehouse that loads from it, in one process, to be compared cell by cell."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load
from cbr_warehouse.load.source_load import load_source
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query
from support.frugal import become_frugal
from support.kept_folder import kept_folder
from support.landed_records import rows
from support.living_source import PROVIDERS, Dialect, LivingSource

DIALECTS = {
    "plain": Dialect(),
    "oldest first": Dialect(descending=False),
    "by update": Dialect(order="updated_at"),
    "by start": Dialect(order="started_at", descending=False),
    "by id": Dialect(order="id"),
    "filters started_at": Dialect(column="started_at"),
    "filters started_at and ended_at": Dialect(column="started_at", end_column="ended_at"),
    "filters updated_at": Dialect(column="updated_at"),
    "exclusive": Dialect(inclusive=False),
    "exclusive, by second": Dialect(inclusive=False, by_second=True),
    "clamped to 50": Dialect(most=50),
    "one row a page": Dialect(most=1),
    "count of the page": Dialect(count="page"),
    "offset from 1": Dialect(first_offset=1),
    "a provider left out": Dialect(hidden_provider=PROVIDERS[1]),
    "short retention": Dialect(retention=timedelta(days=3)),
}


class Bench:
    """A source and a warehouse that loads from it."""

    def __init__(self, folder: Path, source: LivingSource) -> None:
        self.source = source
        self.directory = DataDirectory(folder)
        settings = SourceSettings.model_validate(
            {"name": "prod", "endpoint": "http://x", "project_id": "p", "token": "env:X", "history": "7d"}
        )
        self._ready = ReadySource(settings, TokenCredentials(SecretStr("x")))

    def loading(self) -> LoadContext:
        return LoadContext(
            self.directory,
            read_contract(),
            lambda: self.source.now + self.source.machine_ahead,
            uuid4,
            lambda _: self.source,
        )

    def load(self, *, publish: bool = True, **wanted: Any) -> LoadResult:
        """Loads once.

        Args:
            publish: Whether to publish the warehouse; without, it does what Dagster's step of a source does,
                which is half of the work. For what is seen in ledgers, tables and requests alone.
            wanted: Options of the load.
        """
        context, request = self.loading(), LoadRequest(**wanted)
        if publish:
            report = load(context, [self._ready], request)
        else:
            with hold_source(context, "prod", "load of prod", wait=False):
                report = LoadResult((load_source(context, self._ready, request),))
        entry = report.sources[0].entry
        if not report.sources[0].is_publishable:
            return report
        told = (entry.new, entry.changed, entry.superseded, entry.repeats, entry.quarantined)
        assert all(count >= 0 for count in told)
        assert sum(told) == entry.records
        return report

    def load_first(self, *, publish: bool = True) -> LoadResult:
        """Loads into the empty directory; done once a process for equal sources, and then copied."""
        return _once(
            repr((type(self.source), sorted(vars(self.source).items()), publish)),
            self,
            lambda: self.load(publish=publish),
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.directory.warehouse, sql).rows

    def held(self) -> dict[str, tuple[Any, ...]]:
        """What is published of each task, by its id."""
        found = self.ask("SELECT task_id, status, created_at, started_at, ended_at, progress FROM tasks")
        return {row[0]: row[1:] for row in found}

    def stored(self) -> dict[str, tuple[Any, ...]]:
        """The same as ``held``, of the tables: also after a load that did not publish."""
        columns = ("task_id", "status", "created_at", "started_at", "ended_at", "progress")
        return {row["task_id"]: tuple(row.values())[1:] for row in rows(self.directory, "tasks", columns)}

    def truth(self, since: datetime) -> dict[str, tuple[Any, ...]]:
        return {
            task_id: (
                record["status"],
                *(_time(record[name]) for name in ("created_at", "started_at", "ended_at")),
                record["extra_info"]["common"]["progress"],
            )
            for task_id, record in self.source.served().items()
            if _time(record["created_at"]) >= since
        }

    def complete_days(self) -> set[date]:
        return {day for (day,) in self.ask("SELECT day FROM coverage WHERE state = 'complete'")}


def _once(key: str, bench: Bench, work: Callable[[], LoadResult]) -> LoadResult:
    if key not in _DONE:
        result = work()
        kept = kept_folder("cbr-loaded-")
        shutil.copytree(bench.directory.root, kept, dirs_exist_ok=True)
        _DONE[key] = kept, result, vars(bench.source) | {"tasks": [*bench.source.tasks]}
        return result
    kept, result, source = _DONE[key]
    shutil.copytree(kept, bench.directory.root, dirs_exist_ok=True)
    vars(bench.source).update(source | {"tasks": [*source["tasks"]]})
    return result


_DONE: dict[str, tuple[Path, LoadResult, dict[str, Any]]] = {}
"""First loads: a copy of the directory, the result, and the source as it was afterwards."""


def load_until_killed(folder: Path, source: LivingSource, writes: int) -> None:
    """Loads in a separate process that kills itself after a number of written files."""
    become_frugal()
    left = count(writes, -1)
    sync = atomic_write._sync

    def sync_or_die(path: Path) -> None:
        if next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(path)

    atomic_write._sync = sync_or_die
    Bench(folder, source).load()


def _time(printed: str | None) -> Any:
    return datetime.fromisoformat(printed).replace(tzinfo=UTC) if printed else None
