"""SQL that reads a record of the inventory, or an element of a list in it: typed values and the rest.

Derived from the contract; no field is known here by name. Unlike a task, an object with a value of the wrong
type is no failure: the column is NULL and the value is in ``extra``, beside the exact record.
"""

import json
from collections.abc import Iterable, Mapping

from cbr_warehouse.contract.columns import ColumnType
from cbr_warehouse.storage.sql_text import identifier, literal

_Tree = dict[str, "_Tree"]
"""Keys of an object, each with those inside it; a value has none."""

_INSTANTS = "BETWEEN TIMESTAMPTZ '1970-01-01 00:00:00+00' AND TIMESTAMPTZ '2262-01-01 00:00:00+00'"


def structure(paths: Iterable[str]) -> str:
    """The structure that ``from_json`` reads a record with: every value as JSON.

    Args:
        paths: Dotted paths of the values, without lists.
    """
    return json.dumps(_leaves(_tree(paths)))


def place(root: str, path: str) -> str:
    """SQL of the JSON value at a dotted path of a struct; the struct itself where the path is empty."""
    return ".".join((root, *map(identifier, path.split(".")))) if path else root


def is_given(value: str) -> str:
    """SQL of whether a JSON value is there: neither absent, nor null, nor an empty text."""
    return f"coalesce(json_type({value}) <> 'NULL' AND {value}::VARCHAR <> '\"\"', false)"


def typed(kind: ColumnType, value: str) -> str:
    """SQL of a JSON value as a value of a column; NULL where it is of another type.

    Args:
        kind: Type of the column.
        value: SQL of the JSON value.
    """
    text = (
        f"(CASE json_type({value}) WHEN 'VARCHAR' THEN {value} ->> '$' WHEN 'OBJECT' THEN NULL "
        f"WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL ELSE {value}::VARCHAR END)"
    )
    if kind is ColumnType.INTEGER:
        number = f"TRY_CAST({text} AS DECIMAL(38, 9))"
        return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number} AS BIGINT) END"
    if kind is ColumnType.BOOLEAN:
        word = f"lower(trim({text}, '\"'))"
        return f"CASE WHEN {word} IN ('true', '1') THEN true WHEN {word} IN ('false', '0') THEN false END"
    if kind is ColumnType.INSTANT:
        moment = f"TRY_CAST({text} AS TIMESTAMPTZ)"
        return f"CASE WHEN json_type({value}) = 'VARCHAR' AND {moment} {_INSTANTS} THEN {moment} END"
    if kind is ColumnType.JSON:
        return f"CASE WHEN {is_given(value)} THEN {value}::VARCHAR END"
    return text


def left_over(record: str, root: str, columns: Mapping[str, ColumnType], lists: Mapping[str, str]) -> str:
    """SQL of a JSON object of what no column holds: unknown keys, mistyped values, elements without a key.

    Args:
        record: SQL of the record as JSON.
        root: SQL of the struct read from it.
        columns: Type by path of each value that has a column.
        lists: By path of each list with a table of its own, SQL of whether its element ``x`` has a row there.
    """
    parts = [_unknown_keys(record, _tree([*columns, *lists]))]
    parts += [
        f"CASE WHEN {is_given(place(root, path))} AND ({typed(kind, place(root, path))}) IS NULL "
        f"THEN {_nested(path, place(root, path))} ELSE '{{}}' END"
        for path, kind in columns.items()
        if path and kind is not ColumnType.JSON
    ]
    for path, has_row in lists.items():
        value = place(root, path)
        broken = f"list_filter({elements(value)}, lambda x: NOT coalesce({has_row}, false))"
        parts.append(
            f"CASE WHEN json_type({value}) = 'ARRAY' AND len({broken}) > 0 "
            f"THEN {_nested(path, f'to_json({broken})')} "
            f"WHEN {is_given(value)} AND json_type({value}) <> 'ARRAY' "
            f"THEN {_nested(path, value)} ELSE '{{}}' END"
        )
    return f"json_merge_patch({', '.join(parts)})::VARCHAR" if len(parts) > 1 else f"({parts[0]})::VARCHAR"


def elements(value: str) -> str:
    """SQL of the elements of a JSON array as a list of JSON; NULL where it is none."""
    return f"(CASE WHEN json_type({value}) = 'ARRAY' THEN from_json({value}, '[\"JSON\"]') END)"


def _unknown_keys(record: str, tree: _Tree) -> str:
    """SQL of the keys of an object that the tree does not name, at any depth."""
    removed = literal(json.dumps(dict.fromkeys(tree)))
    parts = [f"json_merge_patch({record}, {removed})"]
    for key, inner in tree.items():
        if not inner:
            continue
        value = f"json_extract({record}, {literal(pointer(key))})"
        rest = _unknown_keys(value, inner)
        parts.append(
            f"CASE WHEN json_type({value}) = 'OBJECT' THEN "
            f"CASE WHEN {rest}::VARCHAR <> '{{}}' THEN json_object({literal(key)}, {rest}) ELSE '{{}}' END "
            f"WHEN {is_given(value)} THEN json_object({literal(key)}, {value}) ELSE '{{}}' END"
        )
    return f"json_merge_patch({', '.join(parts)})" if len(parts) > 1 else parts[0]


def pointer(key: str) -> str:
    """A JSON pointer to a key of an object."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _nested(path: str, value: str) -> str:
    for key in reversed(path.split(".")):
        value = f"json_object({literal(key)}, {value})"
    return value


def _tree(paths: Iterable[str]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        at = tree
        for step in path.split("."):
            at = at.setdefault(step, {})
    return tree


def _leaves(tree: _Tree) -> dict[str, object]:
    return {key: _leaves(inner) if inner else "JSON" for key, inner in tree.items()}
