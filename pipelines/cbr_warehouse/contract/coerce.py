"""What each column tolerates, value by value: the slow, exact reading of one record.

Takes a record as ``lossless_json`` read it, gives its normal form (only known keys, each value
of its column's type) and the rest. ``validate`` decides which records need this.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from cbr_warehouse.contract.columns import ColumnType
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.lossless_json import NumberText, write_exact
from cbr_warehouse.contract.shape import ArrayShape, Leaf, ObjectShape, Shape
from cbr_warehouse.contract.timestamps import parse_instant, print_instant

NOTHING: Final = object()
"""Marks that a place holds no unknown keys; None is a JSON null."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INT64 = range(-(2**63), 2**63)
_UNREADABLE_TEXT = re.compile("[\x00\ud800-\udfff]")


class ContractViolationError(ValueError):
    """A value breaks the contract; the message says where, how, and shows the value."""


@dataclass(frozen=True)
class TimeBounds:
    """Times outside are taken for garbage."""

    earliest: datetime
    latest: datetime


@dataclass
class Coercion:
    """One record being read: values that aliases may still contest."""

    bounds: TimeBounds
    taken: dict[str, Any] = field(default_factory=dict)

    def take(self, shape: Shape, value: Any) -> tuple[Any, Any]:
        """Reads a value against the shape of its place.

        Args:
            shape: What the contract knows of the place.
            value: The JSON value there.

        Returns:
            Its normal form, and what no column names (NOTHING if there is no such thing).

        Raises:
            ContractViolationError: The value breaks the contract.
        """
        if isinstance(shape, Leaf):
            return self._take_leaf(shape, value)
        if value is None:
            return None, NOTHING
        if isinstance(shape, ArrayShape):
            return self._take_array(shape, value)
        return self._take_object(shape, value)

    def _take_object(self, shape: ObjectShape, value: Any) -> tuple[Any, Any]:
        if not isinstance(value, dict):
            raise ContractViolationError(
                f"{_place(shape)}: {_kind(value)} where an object is declared: {_show(value)}"
            )
        normal: dict[str, Any] = {}
        known = dict(shape.fields)
        rest = {key: child for key, child in value.items() if key not in known}
        for key, child_shape in shape.fields:
            if key in value:
                normal[key], left = self.take(child_shape, value[key])
                if left is not NOTHING:
                    rest[key] = left
        return normal, rest or NOTHING

    def _take_array(self, shape: ArrayShape, value: Any) -> tuple[Any, Any]:
        if not isinstance(value, list):
            raise ContractViolationError(
                f"{_place(shape)}: {_kind(value)} where an array is declared: {_show(value)}"
            )
        pairs = [self.take(shape.element, element) for element in value]
        if all(left is NOTHING for _, left in pairs):
            return [normal for normal, _ in pairs], NOTHING
        return [normal for normal, _ in pairs], [{} if left is NOTHING else left for _, left in pairs]

    def _take_leaf(self, leaf: Leaf, value: Any) -> tuple[Any, Any]:
        if value is None or (value == "" and leaf.column.empty_is_null):
            normal, left = None, NOTHING
        elif isinstance(value, list) and leaf.column.counter:
            normal, left = len(value), value
        elif isinstance(value, dict | list):
            raise ContractViolationError(
                f"{leaf.path}: {_kind(value)} where {leaf.type} is declared: {_show(value)}"
            )
        else:
            normal, left = self._scalar(leaf, value), NOTHING
        if normal is None and leaf.path in TASKS.required_keys:
            raise ContractViolationError(f"{leaf.path}: missing")
        return self._settle_alias(leaf, value, normal, left)

    def _settle_alias(self, leaf: Leaf, value: Any, normal: Any, left: Any) -> tuple[Any, Any]:
        if leaf.alias is None:
            self.taken[leaf.path] = normal
            return normal, left
        first = self.taken.get(leaf.alias)
        if first is None or normal is None:
            return normal, left
        return None, NOTHING if first == normal and left is NOTHING else value

    def _scalar(self, leaf: Leaf, value: Any) -> Any:
        match leaf.type:
            case ColumnType.INTEGER:
                return _integer(leaf, value)
            case ColumnType.BOOLEAN:
                return _boolean(leaf, value)
            case ColumnType.INSTANT:
                return self._instant(leaf, value)
            case _:
                return _text(leaf, value)

    def _instant(self, leaf: Leaf, value: Any) -> str:
        instant = parse_instant(value) if type(value) is str else None
        if instant is None:
            raise ContractViolationError(f"{leaf.path}: not a time: {_show(value)}")
        if not self.bounds.earliest <= instant <= self.bounds.latest:
            raise ContractViolationError(f"{leaf.path}: a time outside what can be true: {_show(value)}")
        return print_instant(instant)


def read_text(value: Any) -> str | None:
    """What a scalar says where text is declared; None where no text column can hold it."""
    text = write_exact(value) if isinstance(value, bool) else str(value)
    return None if _UNREADABLE_TEXT.search(text) else text


def _text(leaf: Leaf, value: Any) -> str:
    text = read_text(value)
    if text is None:
        raise ContractViolationError(f"{leaf.path}: text with NUL or half a surrogate pair: {_show(value)}")
    if leaf.path == TASKS.id_key and not text:
        raise ContractViolationError(f"{leaf.path}: missing")
    return text


def _integer(leaf: Leaf, value: Any) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = Decimal(value)
        if number.adjusted() < 20 and number == number.to_integral_value() and int(number) in _INT64:
            return int(number)
    raise ContractViolationError(f"{leaf.path}: no 64-bit integer: {_show(value)}")


def _boolean(leaf: Leaf, value: Any) -> bool:
    word = write_exact(value) if isinstance(value, bool) else str(value).strip('"').lower()
    if word not in _BOOLEANS:
        raise ContractViolationError(f"{leaf.path}: neither true nor false: {_show(value)}")
    return _BOOLEANS[word]


def _place(shape: Shape) -> str:
    """Names a container by what its first leaf's path begins with."""
    steps = 1
    while not isinstance(shape, Leaf):
        shape = shape.fields[0][1] if isinstance(shape, ObjectShape) else shape.element
        if isinstance(shape, Leaf):
            break
        steps += 1
    path = shape.path.replace("[]", ".[]").split(".")
    return ".".join(path[:-steps]).replace(".[]", "[]") or "the record"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, NumberText):
        return "a number"
    return "text" if isinstance(value, str) else "a boolean"


def _show(value: Any) -> str:
    shown = write_exact(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
