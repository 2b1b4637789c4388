"""Validates one received record against the contract, and normalizes it where that is needed.

Nearly every record is plain (known keys, declared types) and passes on two C-speed decodes; only
the others are read exactly and slowly by ``coerce``. No I/O: storing is ``raw``, flattening
``tables``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from cbr_warehouse.contract.api_facts import EARLIEST
from cbr_warehouse.contract.coerce import NOTHING, Coercion, ContractViolationError, TimeBounds, read_text
from cbr_warehouse.contract.columns import ColumnType, Contract
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.lossless_json import NotJsonError, first_texts, read_exact, write_exact
from cbr_warehouse.contract.shape import Leaf, ObjectShape, Shape, leaves, record_shape
from cbr_warehouse.contract.timestamps import is_plain, parse_instant

LATEST_AHEAD = timedelta(days=2)
"""How far a source's clock may run ahead before its times are considered invalid."""

_ODDLY_SPACED = (b"\t:", b"\n:", b"\r:", b"  :")
"""Whitespace before a colon that the fast count of keys does not recognize."""

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_FAST_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: str | None,
    ColumnType.INSTANT: str | None,
    ColumnType.INTEGER: _Int64 | None,
    ColumnType.BOOLEAN: bool | Literal["true", "false"] | None,
}


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


class RecordValidator:
    """Checks records against a contract. Keeps no state between records."""

    def __init__(self, contract: Contract) -> None:
        self._shape = record_shape(contract)
        record_type = _struct("Record", self._shape)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(record_type).decode
        self._decode_any: Callable[[bytes], Any] = msgspec.json.Decoder().decode
        found = leaves(self._shape)
        self._instants = tuple(leaf.path for leaf in found if leaf.type is ColumnType.INSTANT)
        self._contested = tuple((leaf.alias, leaf.path) for leaf in found if leaf.alias)

    def check(self, record: bytes, fetched_at: datetime) -> Validation:
        """Checks one record.

        Args:
            record: Its exact bytes as received.
            fetched_at: When it was received; bounds what times can be true.

        Returns:
            The result; no record content raises.
        """
        bounds = TimeBounds(EARLIEST, fetched_at + LATEST_AHEAD)
        return self._check_plain(record, bounds) or self._check_exactly(record, bounds)

    def _check_plain(self, record: bytes, bounds: TimeBounds) -> Validation | None:
        """Validates a record that needs no coercion; None for any other, valid or not.

        The typed decode rejects unknown keys and wrong types, but keeps the last of two equal keys
        without a word. So keys are counted twice: those of the decoded value, and those in the text,
        by what follows a key (``":`` or ``" :``). Equal counts exclude a duplicate; text values that
        look like keys and unusual white space only send a record the slow way.
        """
        if b"\\u0000" in record or any(space in record for space in _ODDLY_SPACED):
            return None
        try:
            plain = self._decode(record)
            keys = _count_keys(self._decode_any(record))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if record.count(b'":') + record.count(b'" :') != keys:
            return None  # a duplicate key, or text that looks like a key: take the slow path
        if not (task_id := getattr(plain, TASKS.id_key)) or any(
            _both(plain, first, second) for first, second in self._contested
        ):
            return None
        created_at = None
        for path in self._instants:
            printed = getattr(plain, path)
            if printed:
                instant = parse_instant(printed) if is_plain(printed) else None
                if instant is None or not bounds.earliest <= instant <= bounds.latest:
                    return None
                if path == TASKS.time_key:
                    created_at = instant
        return Validation(task_id=task_id, day=created_at.date()) if created_at else None

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


def _struct(name: str, shape: ObjectShape) -> type[msgspec.Struct]:
    fields = [
        (key, _fast_type(f"{name}_{key}", child), msgspec.field(default=None)) for key, child in shape.fields
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True)


def _fast_type(name: str, shape: Shape) -> Any:
    if isinstance(shape, Leaf):
        return _FAST_TYPES[shape.type]
    if isinstance(shape, ObjectShape):
        return _struct(name, shape) | None
    element = str if isinstance(shape.element, Leaf) else _fast_type(name, shape.element)
    return list[element] | None  # type: ignore[valid-type]  # a type made at run time, for msgspec


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(child) for child in value.values() if type(child) in {dict, list})
    if isinstance(value, list):
        return sum(_count_keys(child) for child in value)
    return 0


def _require(normal: dict[str, Any]) -> None:
    """A key that is absent breaks the contract as much as one that is null."""
    for key in TASKS.required_keys:
        if normal.get(key) is None:
            raise ContractViolationError(f"{key}: missing")


def _both(plain: Any, first: str, second: str) -> bool:
    """Whether both paths, siblings in one block, hold a value."""
    *steps, first_key = first.split(".")
    for step in steps:
        plain = getattr(plain, step)
        if plain is None:
            return False
    return getattr(plain, first_key) is not None and getattr(plain, second.rsplit(".", 1)[-1]) is not None


def _refuse(value: dict[str, Any], bounds: TimeBounds, reason: str) -> Validation:
    return Validation(_own_id(value), _own_day(value, bounds), reason=reason)


def _own_id(value: dict[str, Any]) -> str | None:
    own = value.get(TASKS.id_key)
    return (read_text(own) or None) if isinstance(own, str | bool) else None


def _own_day(value: dict[str, Any], bounds: TimeBounds) -> date | None:
    printed = value.get(TASKS.time_key)
    instant = parse_instant(printed) if isinstance(printed, str) else None
    return instant.date() if instant and bounds.earliest <= instant <= bounds.latest else None
