"""The records that are served: generated tasks at the current time, or the records of a file."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from cbr_emulator.clock import parse_time
from cbr_emulator.dialect.late_and_edited import Edit, TaskChanges
from cbr_emulator.dialect.serialize import serialize_record
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.estate.generate import Estate
from cbr_emulator.estate.inventory import EstateInventory
from cbr_emulator.estate.task import Task


@dataclass(frozen=True, slots=True)
class Row:
    """A record's values for filtering and ordering, and the source of its text.

    Attributes:
        filter_values: Values by the name of the query parameter that filters by them.
        times: created_at, started_at, ended_at, updated_at; None where not parseable.
        source: The task or text that it is serialized from.
        edited_at: When it changed after its end, if updated_at shows that.
    """

    filter_values: dict[str, Any]
    times: dict[str, datetime | None]
    source: Any
    edited_at: datetime | None = None


class RecordStore(Protocol):
    """All records of a project at any time."""

    @property
    def inventory(self) -> EstateInventory:
        """Its vaults, policies, backups and protectable resources."""

    def rows(self, now: datetime, retention: timedelta | None) -> Sequence[Row]:
        """The rows served at a time, oldest first."""

    def text(self, row: Row, now: datetime, dialect: Dialect) -> bytes:
        """The record of a row, as JSON."""

    def future_ids(self, now: datetime) -> set[str]:
        """Ids of the tasks not created yet at a time."""


class EstateRecords:
    """Serves a generated estate. Rows of tasks that can no longer change are cached.

    Args:
        estate: The estate.
        project_id: Value of ``project_id`` in the records.
        changes: Late tasks and changes after the end; None for none.
    """

    def __init__(self, estate: Estate, project_id: str, changes: TaskChanges | None = None) -> None:
        self.inventory = estate.inventory
        self._tasks = estate.tasks
        self._created = [task.created_at for task in estate.tasks]
        self._project_id = project_id
        self._final_rows: dict[int, Row] = {}
        self._appear: dict[int, datetime] = {}
        self._edits: dict[int, Edit] = {}
        for place, task in enumerate(estate.tasks if changes else ()):
            self._note(place, task, changes or TaskChanges(Dialect(), 0))

    def rows(self, now: datetime, retention: timedelta | None) -> Sequence[Row]:
        """The rows served at a time, oldest first."""
        first = 0 if retention is None else bisect_left(self._created, now - retention)
        places = range(first, bisect_right(self._created, now))
        return [self._row(place, now) for place in places if self._appear.get(place, now) <= now]

    def text(self, row: Row, now: datetime, dialect: Dialect) -> bytes:
        """The record of a row, as JSON."""
        record: bytes = row.source.record_at(now, self._project_id)
        if row.edited_at is not None:
            updated_at = row.edited_at.replace(tzinfo=None).isoformat(timespec="microseconds")
            record = _set_value(record, "updated_at", updated_at)
        return serialize_record(record, dialect)

    def future_ids(self, now: datetime) -> set[str]:
        """Ids of the tasks not created yet at a time."""
        return {task.id for task in self._tasks[bisect_right(self._created, now) :]}

    def _note(self, place: int, task: Task, changes: TaskChanges) -> None:
        appears_at, edit = changes.appears_at(task), changes.edit_of(task)
        if appears_at > task.created_at:
            self._appear[place] = appears_at
        if edit is not None:
            self._edits[place] = edit

    def _row(self, place: int, now: datetime) -> Row:
        row = self._final_rows.get(place)
        if row is not None:
            return row
        task, edit = self._tasks[place], self._edits.get(place)
        if edit is not None and edit.at <= now:
            row = _row_of(edit.apply(task), now, edit.at if edit.is_dated else None)
        else:
            row = _row_of(task, now)
        is_over = task.ended_at is not None and task.ended_at <= now
        if is_over and (edit is None or edit.at <= now):
            self._final_rows[place] = row
        return row


class FileRecords:
    """Serves the records of a file, character for character."""

    def __init__(self, path: Path) -> None:
        self.inventory = EstateInventory()
        self._rows = [_row_of_text(text) for text in _read(path)]

    def rows(self, now: datetime, retention: timedelta | None) -> Sequence[Row]:
        """The rows served at a time; records without a readable created_at never expire."""
        if retention is None:
            return self._rows
        oldest = now - retention
        return [row for row in self._rows if (row.times["created_at"] or oldest) >= oldest]

    def text(self, row: Row, now: datetime, dialect: Dialect) -> bytes:
        """The exact text of the record in the file."""
        del now, dialect
        return bytes(row.source)

    def future_ids(self, now: datetime) -> set[str]:
        """The empty set: all records of a file exist from the beginning."""
        del now
        return set()


def _row_of(task: Task, now: datetime, edited_at: datetime | None = None) -> Row:
    started = task.started_at if task.started_at is not None and task.started_at <= now else None
    ended = task.ended_at if task.ended_at is not None and task.ended_at <= now else None
    return Row(
        {
            "id": task.id,
            "operation_type": task.operation_type,
            "status": task.status_at(now),
            "provider_id": task.provider_id,
            "resource_id": task.resource["id"] if task.resource else None,
            "resource_name": task.resource["name"] if task.resource else None,
            "vault_id": task.vault_id,
            "vault_name": task.vault_name,
            "enterprise_project_id": task.enterprise_project_id,
        },
        {
            "created_at": task.created_at,
            "started_at": started,
            "ended_at": ended,
            "updated_at": edited_at or task.updated_at(now),
        },
        task,
        edited_at,
    )


def _row_of_text(text: str) -> Row:
    value = json.loads(text)
    record = value if isinstance(value, dict) else {}
    resource = _object(_object(record.get("extra_info")).get("resource"))
    filter_values = {
        name: record.get(name)
        for name in ("id", "operation_type", "status", "provider_id", "vault_id", "vault_name")
    }
    filter_values |= {"resource_id": resource.get("id"), "resource_name": resource.get("name")}
    names = ("created_at", "started_at", "ended_at", "updated_at")
    times = {name: parse_time(str(record.get(name))) for name in names}
    return Row(filter_values, times, text.encode())


def _read(path: Path) -> Iterator[str]:
    """The exact text of each record of a file: a list, a list response, or a response with one task."""
    try:
        whole = path.read_text(encoding="utf-8")
        body = json.loads(whole)
    except OSError as error:
        raise EmulatorOptionError(
            f"--records {path}: cannot be read ({error.strerror}). Name a readable file."
        ) from error
    except (ValueError, RecursionError) as error:
        raise EmulatorOptionError(
            f"--records {path}: not JSON ({error}). Give a list or a response body."
        ) from error
    decoder = json.JSONDecoder()
    if isinstance(_object(body).get("operation_log"), dict):
        start = whole.index("{", whole.index('"operation_log"'))
        yield whole[start : decoder.raw_decode(whole, start)[1]]
        return
    records = body if isinstance(body, list) else _object(body).get("operation_logs")
    if not isinstance(records, list):
        raise EmulatorOptionError(
            f"--records {path}: neither a list nor a response body. Give a list of records, or a body with "
            "operation_logs or operation_log."
        )
    start = whole.index("[") if isinstance(body, list) else whole.index("[", whole.index('"operation_logs"'))
    place = start + 1
    for _ in records:
        while whole[place] in " \t\r\n,":
            place += 1
        _, end = decoder.raw_decode(whole, place)
        yield whole[place:end]
        place = end


def _set_value(record: bytes, name: str, value: str) -> bytes:
    changed = json.loads(record)
    changed[name] = value
    return json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


FAR_PAST = datetime(1, 1, 1, tzinfo=UTC)
"""Sort key of rows without a time: last in descending order."""
