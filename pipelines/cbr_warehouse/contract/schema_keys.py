"""Which keys a file of ``schemas/`` may have and what values they take; wrong ones become a sentence.

``schemas/README.md`` documents the same keys for people. Turning a valid file into a table is
``load_schemas``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cbr_warehouse.contract.columns import ColumnType
from cbr_warehouse.errors import SchemaError


@dataclass(frozen=True)
class Key:
    """One key of an entry.

    Attributes:
        type: The Python type of its value in YAML.
        said: That type in words.
        required: Whether every entry has it.
        allowed: The only values it may have; any where empty.
    """

    type: type
    said: str
    required: bool = False
    allowed: tuple[str, ...] = ()


def _text(*, required: bool = False, allowed: tuple[str, ...] = ()) -> Key:
    return Key(str, "text", required, allowed)


_SWITCH = Key(bool, "true or false")

TABLE_KEYS = {
    "table": _text(required=True),
    "description": _text(required=True),
    "key": Key(list, "a list of columns", required=True),
    "source": _text(required=True, allowed=("record", "derived")),
    "includes": _text(),
    "rows": Key(list, "a list of places"),
    "columns": Key(list, "a list of columns", required=True),
}
PLACE_KEYS = {
    "from": _text(required=True),
    "constants": Key(dict, "a map of columns to values"),
    "positions": Key(list, "a list of columns"),
    "paths": Key(dict, "a map of columns to paths"),
}
COLUMN_KEYS = {
    "name": _text(required=True),
    "type": _text(required=True, allowed=tuple(ColumnType)),
    "description": _text(required=True),
    "path": _text(),
    "alias": _text(),
    "nullable": _SWITCH,
    "empty_is_null": _SWITCH,
    "counter": _SWITCH,
}


def check_schema(file: str, entry: Any) -> None:
    """Checks the content of one schema file, key by key.

    Args:
        file: Name of the file, for messages.
        entry: What YAML made of it.

    Raises:
        SchemaError: A key is unknown, missing or of the wrong type, or two entries contradict each other.
    """
    _check_keys(file, entry, TABLE_KEYS)
    for number, place in enumerate(entry.get("rows", ()), 1):
        _check_keys(f"{file}: place {number} of rows", place, PLACE_KEYS)
    for number, column in enumerate(entry["columns"], 1):
        name = column.get("name", number) if isinstance(column, dict) else number
        _check_keys(f"{file}: column {name}", column, COLUMN_KEYS)
    _check_names(file, entry)


def _check_keys(where: str, entry: Any, known: Mapping[str, Key]) -> None:
    if not isinstance(entry, dict):
        raise SchemaError(f"{where}: must be a map of keys to values, not {entry!r}.")
    for key, value in entry.items():
        if key not in known:
            near = get_close_matches(str(key), known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise SchemaError(f"{where}: unknown key {key}; {hint}")
        rule = known[key]
        if type(value) is not rule.type:
            raise SchemaError(f"{where}: {key} must be {rule.said}, not {value!r}.")
        if rule.allowed and value not in rule.allowed:
            near = get_close_matches(str(value), rule.allowed, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise SchemaError(
                f"{where}: {key} must be one of {', '.join(rule.allowed)}, not {value!r}.{hint}"
            )
    for key, rule in known.items():
        if rule.required and key not in entry:
            raise SchemaError(f"{where}: the key {key} is missing.")


def _check_names(file: str, entry: Mapping[str, Any]) -> None:
    """Checks what keys say of each other; columns that a table includes are not known here."""
    names = [column["name"] for column in entry["columns"]]
    for name in names:
        if names.count(name) > 1:
            raise SchemaError(f"{file}: the column {name} is declared twice.")
    if (entry["source"] == "record") != ("rows" in entry):
        raise SchemaError(f"{file}: rows are for tables with source: record, and each of these has them.")
    if "includes" in entry:
        return
    for name in entry["key"]:
        _require_column(f"{file}: key", name, names)
    for number, place in enumerate(entry.get("rows", ()), 1):
        where = f"{file}: place {number} of rows"
        for name in (*place.get("constants", ()), *place.get("positions", ()), *place.get("paths", ())):
            _require_column(where, name, names)
        arrays, positions = place["from"].count("[]"), len(place.get("positions", ()))
        if arrays != positions:
            raise SchemaError(f"{where}: {arrays} arrays in from, but {positions} positions for their index.")


def _require_column(where: str, name: Any, names: list[str]) -> None:
    if name not in names:
        near = get_close_matches(str(name), names, 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise SchemaError(f"{where}: there is no column {name}{hint}")
