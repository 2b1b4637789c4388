"""The emulator over HTTP in the test process, with recorded requests, and loads from it.

For a separate process, as users run it, see ``support.command_line``.
"""

import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
import uvicorn
from pydantic import SecretStr

from cbr_emulator.server.app import Emulator
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.run import Options, bind, build_emulator
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import Credentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime, Timeouts
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
"""Current time in most tests; estates are a function of it."""

HASTE = 40
"""Speed-up of the clock used for waits, so that loads with pauses end soon."""

LEAVES = {
    "operation_type": "operation_type",
    "status": "status",
    "project_id": "project_id",
    "provider_id": "provider_id",
    "policy_id": "policy_id",
    "checkpoint_id": "checkpoint_id",
    "vault_id": "vault_id",
    "vault_name": "vault_name",
    "created_at": "created_at",
    "started_at": "started_at",
    "ended_at": "ended_at",
    "updated_at": "updated_at",
    "error_code": "error_info.code",
    "error_message": "error_info.message",
    "progress": "extra_info.common.progress",
    "request_id": "extra_info.common.request_id",
    "backup_id": "extra_info.backup.backup_id",
    "backup_name": "extra_info.backup.backup_name",
    "backup_incremental": "extra_info.backup.incremental",
    "delete_backup_id": "extra_info.delete.backup_id",
    "restore_backup_id": "extra_info.restore.backup_id",
    "restore_target_resource_id": "extra_info.restore.target_resource_id",
    "vault_delete_fail_count": "extra_info.vault_delete.fail_count",
    "vault_delete_total_count": "extra_info.vault_delete.total_count",
}
"""Compared columns of ``tasks``, with their path in the record."""

Row = tuple[Any, ...]


@dataclass
class Emulated:
    """A running emulator and the requests it received.

    Attributes:
        url: Its base URL.
        emulator: The emulator.
        lists: Query of each list request, in order.
        shows: Ids of tasks requested one by one, in order.
        inventory: Path below the project, and query, of each request for another list, in order.
        after_list: Called after each list response, with its query.
        after_inventory: Called after each response with another list, with its path.
    """

    url: str
    emulator: Emulator
    lists: list[dict[str, str]] = field(default_factory=list)
    shows: list[str] = field(default_factory=list)
    inventory: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    after_list: Callable[[dict[str, str]], None] = lambda _query: None
    after_inventory: Callable[[str], None] = lambda _path: None

    @property
    def now(self) -> datetime:
        """Current time of the served data."""
        return self.emulator.clock.now()

    def advance(self, span: timedelta) -> None:
        """Advances the clock."""
        self.emulator.clock.advanced += span

    def truth(self) -> dict[str, dict[str, Any]]:
        """Everything served now, by id, from the emulator's truth."""
        # Without certificates, which take 40 ms to read.
        body = httpx.get(f"{self.url}/__emulator/truth", timeout=60, verify=False).json()
        return {record["id"]: record for record in body["operation_logs"]}

    def watch(self, application: Any) -> Any:
        """The application with its requests recorded."""

        async def watched(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
            asked, listed = None, None
            if scope["type"] == "http" and "/operation-logs" in scope["path"]:
                task_id = scope["path"].partition("/operation-logs/")[2]
                asked = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
                self.shows.append(task_id) if task_id else self.lists.append(asked)
                asked = None if task_id else asked
            elif scope["type"] == "http" and scope["path"].startswith(f"/v3/{PROJECT}/"):
                listed = scope["path"].removeprefix(f"/v3/{PROJECT}/")
                query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
                self.inventory.append((listed, query))
            await application(scope, receive, send)
            if listed is not None:
                self.after_inventory(listed)
            if asked is not None:
                self.after_list(asked)

        return watched


@contextmanager
def emulated(**options: Any) -> Iterator[Emulated]:
    """Runs an emulator in a thread.

    Args:
        options: Options of the command, by the names of :class:`Options`; the clock is frozen.
    """
    options = {"now": NOW.isoformat(), "is_frozen": True, "seed": 5} | options
    emulator = build_emulator(Options(**options))
    with bind(0) as listener:
        running = Emulated(f"http://127.0.0.1:{listener.getsockname()[1]}", emulator)
        application = running.watch(emulator.application())
        config = uvicorn.Config(
            application,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="none",
            date_header=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.should_exit = True
            server.force_exit = True  # stalled responses are not waited for
            thread.join(20)


@contextmanager
def serve(*words: str) -> Iterator[str]:
    """The same with options of the command; gives the base URL, as ``support.command_line.serve`` does."""
    with emulated(**{"now": None} | options_of(words)) as running:
        yield running.url


def options_of(words: tuple[str, ...]) -> dict[str, Any]:
    """Options of the command ``emulator`` as arguments of :func:`emulated`."""
    found: dict[str, Any] = {"seed": 1, "is_frozen": False, "dialect": [], "fault": []}
    rest = list(words)
    while rest:
        name = rest.pop(0).removeprefix("--")
        if name == "freeze":
            found["is_frozen"] = True
        elif name in {"dialect", "fault"}:
            found[name].append(rest.pop(0))
        elif name in {"tasks", "days", "seed"}:
            found[name] = int(rest.pop(0))
        else:
            found[name] = Path(rest.pop(0)) if name == "records" else rest.pop(0)
    return found


class Warehouse:
    """A warehouse loaded from an emulator by the functions that the command calls.

    Args:
        folder: The data directory.
        source: The emulator.
        history: How far back the first load goes.
        password: Whether it signs in by password, with tokens from IAM, instead of a token given.
        analytics: The settings of the analytics.
        options: Further keys of the source.
    """

    def __init__(
        self,
        folder: Path,
        source: Emulated,
        history: str = "30d",
        *,
        password: bool = False,
        analytics: AnalyticsSettings | None = None,
        **options: Any,
    ) -> None:
        self.directory = DataDirectory(folder)
        self._analytics = analytics or AnalyticsSettings()
        self._source = source
        # The loader runs at the emulator's simulated time, so the Date of responses has to agree with it.
        source.emulator.clock.machine = self._clock
        settings = {"name": "prod", "endpoint": source.url, "project_id": "04f1829c788037ac2fb8c01eb2b04b95"}
        credentials: Credentials = TokenCredentials(SecretStr("demo-token"))
        if password:
            credentials = PasswordCredentials(source.url, "demo", SecretStr("demo"), "demo")
        self._ready = ReadySource(
            SourceSettings.model_validate(settings | {"token": "env:X", "history": history} | options),
            credentials,
        )

    @property
    def settings(self) -> SourceSettings:
        """The settings of the source."""
        return self._ready.settings

    def load(self, **wanted: Any) -> LoadResult:
        """Loads once, with the source's clock and shortened waits."""
        surroundings = Runtime(
            clock=self._clock,
            sleep=lambda seconds: time.sleep(seconds / HASTE),
            monotonic=lambda: time.monotonic() * HASTE,
        )
        patience = replace(
            Timeouts(), read_seconds=1.5, budget_seconds=4000, first_answer_seconds=4000, attempt_seconds=1000
        )
        loading = LoadContext(
            self.directory,
            read_contract(),
            self._clock,
            uuid4,
            lambda ready: CbrClient(ready.settings, ready.credentials, surroundings, patience),
            self._analytics,
        )
        report = load(loading, [self._ready], LoadRequest(**wanted))
        entry = report.sources[0].entry
        told = (entry.new, entry.changed, entry.superseded, entry.repeats, entry.quarantined)
        assert sum(told) == entry.records, entry
        return report

    def _clock(self) -> datetime:
        """The current time of the source, without its skew."""
        return self._source.now - self._source.emulator.clock.skew

    def ask(self, sql: str) -> list[Row]:
        """Queries the published warehouse."""
        return query(self.directory.warehouse, sql).rows

    @property
    def prints_whole_seconds(self) -> bool:
        """Whether the source prints times without their fractions."""
        return self._source.emulator.dialect.times == "seconds"

    def tasks(self) -> dict[str, Row]:
        """The cells of all stored tasks, by id; fails for duplicates."""
        rows = self.ask(f"SELECT task_id, {', '.join(LEAVES)} FROM tasks")
        assert len(rows) == len({row[0] for row in rows})
        return {row[0]: _comparable(row[1:], seconds=self.prints_whole_seconds) for row in rows}

    def resources(self) -> set[Row]:
        """Keys and names of all stored resources."""
        return set(self.ask("SELECT task_id, role, position, resource_id, resource_name FROM resources"))


def cells(record: dict[str, Any], *, seconds: bool = False) -> Row:
    """The expected cells of a record; times to the second if the source prints no more."""
    found = tuple(_expected(column, _leaf(record, path)) for column, path in LEAVES.items())
    return _comparable(found, seconds=seconds)


def resources_of(truth: dict[str, dict[str, Any]]) -> set[Row]:
    """The expected resources of records."""
    found = set()
    for task_id, record in truth.items():
        extra = record.get("extra_info") or {}
        if extra.get("resource"):
            found.add((task_id, "target", 0, extra["resource"]["id"], extra["resource"]["name"]))
        removed = extra.get("remove_resources", {}).get("resources") or []
        found |= {(task_id, "removed", place, one["id"], one["name"]) for place, one in enumerate(removed)}
    return found


def lost(warehouse: Warehouse, truth: dict[str, dict[str, Any]]) -> list[str]:
    """Tasks of the truth that are not stored, or differ in a cell."""
    held, seconds = warehouse.tasks(), warehouse.prints_whole_seconds
    return [
        task_id for task_id, record in truth.items() if held.get(task_id) != cells(record, seconds=seconds)
    ]


def _leaf(record: Any, path: str) -> Any:
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _expected(column: str, value: Any) -> Any:
    if value is None or (column.startswith("error_") and value == ""):
        return None
    if column.endswith("_at"):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def _comparable(row: Row, *, seconds: bool) -> Row:
    """A row with times in the precision of every format, and "" as None."""
    step = 1_000_000 if seconds else 1000
    return tuple(
        cell.replace(microsecond=cell.microsecond // step * step)
        if isinstance(cell, datetime)
        else None
        if cell == ""
        else cell
        for cell in row
    )


def write_records(path: Path, records: list[dict[str, Any]]) -> Path:
    """A file of records for the emulator to serve."""
    path.write_text(json.dumps(records), encoding="utf-8")
    return path
