"""Validates received records against the contract, and normalizes those that need it.

Nearly every record is plain (known keys, declared types): ``plain_records`` checks whole pages of
those at C speed. Only the others are read exactly and slowly by ``coerce``. No I/O: storing is ``raw``,
flattening ``tables``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.coerce import NOTHING, Coercion, ContractViolationError, TimeBounds, read_text
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.lossless_json import NotJsonError, first_texts, read_exact, write_exact
from cbr_warehouse.contract.plain_records import PlainPage, PlainRecords
from cbr_warehouse.contract.shape import record_shape
from cbr_warehouse.contract.timestamps import parse_instant

LATEST_AHEAD = timedelta(days=2)
"""How far a source's clock may run ahead before its times are considered invalid."""

_GROUP = 32
"""Records that are tried together once not all of a page are plain."""


@dataclass(frozen=True)
class Validation:
    """The result of validating a record.

    Attributes:
        task_id: The record's task id, if it has a usable one.
        day: UTC day of its created_at, if it has a usable one.
        reason: How it violates the contract; None if it is valid.
        normal: Its normal form as JSON; None if the text already is in it.
        extra: JSON object of the keys that no column names; None if every key has a column.
    """

    task_id: str | None
    day: date | None
    reason: str | None = None
    normal: str | None = None
    extra: str | None = None


@dataclass(frozen=True)
class ValidatedPage:
    """The results of validating the records of one page, in columns.

    Attributes:
        task_ids: The task id of each record; None where it has no usable one.
        days: UTC day of its created_at; None where it has no usable one.
        exact: The whole result of each record that is not plain, by its position. The others are
            valid, and their texts already in normal form.
    """

    task_ids: list[str | None]
    days: list[date | None]
    exact: dict[int, Validation]


class RecordValidator:
    """Checks records against a contract. Keeps no state between records."""

    def __init__(self, contract: Contract) -> None:
        self._shape = record_shape(contract)
        self._plain = PlainRecords(self._shape)

    def check(self, record: bytes, fetched_at: datetime) -> Validation:
        """Checks one record.

        Args:
            record: Its exact bytes as received.
            fetched_at: When it was received; bounds what times can be true.

        Returns:
            The result; no record content raises.
        """
        bounds = TimeBounds(EARLIEST, fetched_at + LATEST_AHEAD)
        plain = self._plain.check([record], bounds)
        if plain is None:
            return self._check_exactly(record, bounds)
        return Validation(task_id=plain.task_ids[0], day=plain.days[0])

    def check_page(self, records: Sequence[bytes], fetched_at: datetime) -> ValidatedPage:
        """Checks the records of a page; each gets the result that :meth:`check` gives it.

        Args:
            records: The exact bytes of each as received.
            fetched_at: When they were received; bounds what times can be true.

        Returns:
            The results; no record content raises.
        """
        bounds = TimeBounds(EARLIEST, fetched_at + LATEST_AHEAD)
        found = ValidatedPage([], [], {})
        for group, plain in self._in_groups(records, bounds):
            if plain is not None:
                found.task_ids.extend(plain.task_ids)
                found.days.extend(plain.days)
                continue
            for record in group:
                result = self._check_exactly(record, bounds)
                found.exact[len(found.days)] = result
                found.task_ids.append(result.task_id)
                found.days.append(result.day)
        return found

    def _in_groups(
        self, records: Sequence[bytes], bounds: TimeBounds
    ) -> Iterator[tuple[Sequence[bytes], PlainPage | None]]:
        """The page as a whole if all its records are plain, else in smaller groups, at last one by one."""
        plain = self._plain.check(records, bounds)
        if plain is not None or len(records) <= 1:
            yield records, plain
            return
        size = _GROUP if len(records) > _GROUP else 1
        for begin in range(0, len(records), size):
            yield from self._in_groups(records[begin : begin + size], bounds)

    def _check_exactly(self, record: bytes, bounds: TimeBounds) -> Validation:
        try:
            value = read_exact(record.decode())
        except UnicodeDecodeError as error:
            reason = f"not UTF-8: byte 0x{record[error.start]:02x} at {error.start}"
            return _refuse(first_texts(record.decode(errors="replace")), bounds, reason)
        except NotJsonError as error:
            return _refuse(first_texts(record.decode()), bounds, str(error))
        if not isinstance(value, dict):
            return Validation(None, None, reason="not an object")
        try:
            normal, left = Coercion(bounds).take(self._shape, value)
            _require(normal)
            extra = None if left is NOTHING else write_exact(left)
            text = msgspec.json.encode(normal).decode()
        except ContractViolationError as breach:
            return _refuse(value, bounds, str(breach))
        except RecursionError:
            return _refuse(value, bounds, "nested too deeply")
        return Validation(normal[TASKS.id_key], _own_day(value, bounds), normal=text, extra=extra)


def _require(normal: dict[str, Any]) -> None:
    """A key that is absent breaks the contract as much as one that is null."""
    for key in TASKS.required_keys:
        if normal.get(key) is None:
            raise ContractViolationError(f"{key}: missing")


def _refuse(value: dict[str, Any], bounds: TimeBounds, reason: str) -> Validation:
    return Validation(_own_id(value), _own_day(value, bounds), reason=reason)


def _own_id(value: dict[str, Any]) -> str | None:
    own = value.get(TASKS.id_key)
    return (read_text(own) or None) if isinstance(own, str | bool) else None


def _own_day(value: dict[str, Any], bounds: TimeBounds) -> date | None:
    printed = value.get(TASKS.time_key)
    instant = parse_instant(printed) if isinstance(printed, str) else None
    return instant.date() if instant and bounds.earliest <= instant <= bounds.latest else None
