"""Checks plain records, whole pages at once and at C speed: known keys, declared types, usual notation.

It accepts only what the exact reading of ``validate`` would accept with the same result, and leaves
everything else to it, valid or not.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from cbr_warehouse.contract.coerce import TimeBounds
from cbr_warehouse.contract.columns import ColumnType
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.shape import Leaf, ObjectShape, Shape, leaves

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: str | None,
    ColumnType.INSTANT: str | None,
    ColumnType.INTEGER: _Int64 | None,
    ColumnType.BOOLEAN: bool | Literal["true", "false"] | None,
}

_INSTANT = r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|\+00:00)?"
_INSTANTS = re.compile(f"(?:{_INSTANT}\n)*", re.ASCII)
"""Times that Python and DuckDB parse alike, if their days exist; all are UTC. Each ends in a line break."""

_DAY = len("2026-11-28")
_SECOND = len("2026-11-28T01:02:03")


@dataclass(frozen=True)
class PlainPage:
    """What is needed of plain records, in columns.

    Attributes:
        task_ids: The task id of each.
        days: UTC day of created_at of each.
    """

    task_ids: list[str]
    days: list[date]


class PlainRecords:
    """Checks plain records of one shape. Keeps no state between records.

    Args:
        shape: The shape of a record.
    """

    def __init__(self, shape: ObjectShape) -> None:
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_struct("Record", shape)).decode
        self._encode = msgspec.json.Encoder().encode
        found = leaves(shape)
        self._task_id = attrgetter(TASKS.id_key)
        self._created_at = attrgetter(TASKS.time_key)
        self._instants = [
            attrgetter(leaf.path)
            for leaf in found
            if leaf.type is ColumnType.INSTANT and leaf.path != TASKS.time_key
        ]
        self._contested = [(leaf.alias, leaf.path) for leaf in found if leaf.alias]

    def check(self, records: Sequence[bytes], bounds: TimeBounds) -> PlainPage | None:
        """Checks records together.

        The typed decode rejects unknown keys and wrong types, but keeps the last of two equal keys
        without a word: ``_has_each_key_once`` rules those out.

        Args:
            records: The exact bytes of each.
            bounds: Bound what times can be true.

        Returns:
            Their columns, or None if any of the records is not plain, valid or not.
        """
        try:
            plain = list(map(self._decode, records))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        printed = self._encode(plain)
        if not _has_each_key_once(b"".join(records), printed) or self._is_contested(plain, printed):
            return None
        task_ids = list(map(self._task_id, plain))
        created_at = list(map(self._created_at, plain))
        if not (all(task_ids) and all(created_at)):
            return None
        instants = [text for read in self._instants for text in map(read, plain) if text]
        days = _days_of([*created_at, *instants], bounds)
        if days is None:
            return None
        return PlainPage(task_ids, [days[text[:_DAY]] for text in created_at])

    def _is_contested(self, plain: list[Any], printed: bytes) -> bool:
        """Whether any record has values under both of two names of one column."""
        return any(
            f'"{second.rpartition(".")[2]}":'.encode() in printed
            and any(_both(record, first, second) for record in plain)
            for first, second in self._contested
        )


def _has_each_key_once(text: bytes, printed: bytes) -> bool:
    r"""Whether no object of some decoded records has a key twice, and no text NUL.

    Keys are counted twice. In ``printed``, compact JSON of the decoded values in which absent keys
    stay absent, each key is followed by ``":``, and a quote within a text is ``\"``, so the count is
    exact. In the received text a key is followed by ``":`` or ``" :``; text values that look like keys
    only raise that count. So equal counts exclude a duplicate, in each record, even if all of a page
    are counted together. Unusual white space and escapes of NUL only send records the slow way.

    Args:
        text: The records as received, one after the other.
        printed: The decoded records, printed.
    """
    if b"\x00" in text or (b"\\" in text and b"\\u0000" in text):
        return False
    if any(space in text and space + b":" in text for space in (b"\t", b"\n", b"\r")):
        return False
    keys = _count_pairs(text, b'":')
    if b" :" in text:
        if b"  :" in text:
            return False
        keys += text.count(b'" :')
    like_keys = printed.count(b'\\":') if b"\\" in printed else 0
    return keys == _count_pairs(printed, b'":') - like_keys


def _count_pairs(text: bytes, pair: bytes) -> int:
    """What ``text.count(pair)`` is for two different characters, four times as fast where there are many."""
    characters = np.frombuffer(text, np.uint8)
    first, second = pair
    return int(np.count_nonzero((characters[:-1] == first) & (characters[1:] == second)))


def _days_of(instants: list[str], bounds: TimeBounds) -> dict[str, date] | None:
    """The days of some instants by the text of the day; None if not all are plain and within the bounds.

    An instant in the very second of the latest that can be true counts as outside.
    """
    lines = "\n".join(instants) + "\n"
    if lines.count("\n") != len(instants) or _INSTANTS.fullmatch(lines) is None:
        return None
    # Of one form and in UTC, times sort as their texts do, to the second.
    if min(instants)[:_SECOND] < _printed(bounds.earliest) or max(instants)[:_SECOND] >= _printed(
        bounds.latest
    ):
        return None
    return _existing_days({text[:_DAY] for text in instants})


def _printed(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()[:_SECOND]


def _existing_days(texts: Iterable[str]) -> dict[str, date] | None:
    try:
        return {text: date.fromisoformat(text) for text in texts}
    except ValueError:
        return None


def _struct(name: str, shape: ObjectShape) -> type[msgspec.Struct]:
    fields = [
        (
            key,
            _plain_type(f"{name}_{key}", child) | msgspec.UnsetType,
            msgspec.field(default=msgspec.UNSET),
        )
        for key, child in shape.fields
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False)


def _plain_type(name: str, shape: Shape) -> Any:
    if isinstance(shape, Leaf):
        return _TYPES[shape.type]
    if isinstance(shape, ObjectShape):
        return _struct(name, shape) | None
    element = str if isinstance(shape.element, Leaf) else _plain_type(name, shape.element)
    return list[element] | None  # type: ignore[valid-type]  # a type made at run time, for msgspec


def _both(plain: Any, first: str, second: str) -> bool:
    """Whether both paths, siblings in one block, hold a value."""
    *steps, first_key = first.split(".")
    for step in steps:
        plain = getattr(plain, step)
        if not _holds_value(plain):
            return False
    return _holds_value(getattr(plain, first_key)) and _holds_value(getattr(plain, second.rpartition(".")[2]))


def _holds_value(value: Any) -> bool:
    return value is not None and value is not msgspec.UNSET
