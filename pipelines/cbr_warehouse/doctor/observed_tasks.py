"""Tasks as an examination needs them: the record, its times as instants, and a few facts. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.timestamps import parse_instant

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Later times are errors of the source; windows around them would leave the calendar."""

TIMES = ("created_at", "started_at", "ended_at", "updated_at")


@dataclass(frozen=True)
class Row:
    """One task of a response.

    Attributes:
        id: Its id.
        record: The whole record.
        times: Its times, UTC; missing, unreadable and impossible ones are left out.
    """

    id: str
    record: Mapping[str, Any]
    times: Mapping[str, datetime]

    @property
    def created_at(self) -> datetime:
        """When it was created."""
        return self.times["created_at"]

    @property
    def has_ended(self) -> bool:
        """Whether it has an end, after which it rarely changes."""
        return "ended_at" in self.times

    def text(self, *path: str) -> str | None:
        """The text at a path of the record; None where it is missing, empty or not text."""
        value: Any = self.record
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) and value else None

    def apart(self, one: str, other: str, seconds: float) -> bool:
        """Whether two of its times differ by more than some seconds."""
        if one not in self.times or other not in self.times:
            return False
        return abs(self.times[one] - self.times[other]) > timedelta(seconds=seconds)


def read_rows(records: Iterable[bytes]) -> tuple[Row, ...]:
    """The tasks of a response; records without id or created_at are left out."""
    return tuple(row for record in records if (row := _read(record)) is not None)


def _read(text: bytes) -> Row | None:
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        return None
    printed = {name: record.get(name) for name in TIMES}
    instants = {name: parse_instant(text) for name, text in printed.items() if isinstance(text, str)}
    times = {name: instant for name, instant in instants.items() if instant and EARLIEST <= instant < LATEST}
    return Row(record["id"], record, times) if "created_at" in times else None
