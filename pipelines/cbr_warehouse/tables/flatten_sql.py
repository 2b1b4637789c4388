"""The flatten SQL, derived from the contract: from a record's JSON text to typed values.

Pure text in, text out; ``make`` runs it. Written in DuckDB's dialect, without a field's name
that is not in ``schemas/``.
"""

import json

from cbr_warehouse.contract.columns import Column, ColumnType, Contract, RowPlace, Table
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.shape import ArrayShape, Leaf, Shape, record_shape
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.storage.sql_text import identifier, literal

PARTITION_COLUMNS = frozenset({"source", "day"})
"""Columns that are in a partition's path, not in its file."""

_ROOT = "r"
_JSON_TYPES = {ColumnType.INTEGER: "BIGINT"}


def record_structure(contract: Contract) -> str:
    """The structure that DuckDB's ``from_json`` reads a sound record with, as its JSON argument."""
    return json.dumps(_structure(record_shape(contract)))


def task_values(tasks: Table) -> dict[str, str]:
    """SQL for each column of a task that is in its record.

    Args:
        tasks: The table whose row is the record.

    Returns:
        Column name to an expression over the struct ``r``.
    """
    return {column.name: _value(column) for column in tasks.columns if column.path is not None}


def task_values_list(contract: Contract) -> str:
    """SQL that selects every column of a task that is in its record, over the struct ``r``."""
    values = task_values(contract.table(TASKS.table))
    return ", ".join(f"{expression} AS {identifier(name)}" for name, expression in values.items())


def child_lists(contract: Contract) -> str:
    """SQL that selects the rows of each child table as one list, over the struct ``r``."""
    return ", ".join(
        f"{child_rows(contract.table(name))} AS {identifier(name)}" for name in TASKS.child_tables
    )


def parsed_record(contract: Contract) -> str:
    """SQL of the struct ``r`` of a sound raw record."""
    return f"from_json(coalesce(normal, record_text), {literal(record_structure(contract))})"


def child_rows(table: Table) -> str:
    """SQL for the rows of a child table of one record, as one list of structs over ``r``.

    Args:
        table: A table whose rows are inside the record.

    Returns:
        An expression of type ``STRUCT(…)[]``, never NULL, in the order of the record.
    """
    names = child_columns(table)
    return " || ".join(f"coalesce({_rows_of(table, place, names)}, [])" for place in table.places)


def child_columns(table: Table) -> tuple[str, ...]:
    """Columns of a child table besides the partition's and the task's id."""
    return tuple(
        column.name for column in table.columns if column.name not in PARTITION_COLUMNS | {"task_id"}
    )


def _structure(shape: Shape) -> object:
    if isinstance(shape, Leaf):
        return _JSON_TYPES.get(shape.type, "VARCHAR")
    if isinstance(shape, ArrayShape):
        return [_structure(shape.element)]
    return {key: _structure(child) for key, child in shape.fields}


def _value(column: Column) -> str:
    places = [path for path in (column.path, column.alias) if path is not None]
    values = [_typed(column, _access(_ROOT, path)) for path in places]
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _typed(column: Column, value: str) -> str:
    if column.type is ColumnType.INTEGER:
        return value
    text = f"nullif({value}, '')" if column.empty_is_null else value
    if column.type is ColumnType.BOOLEAN:
        return f"CAST({text} AS BOOLEAN)"
    return f"CAST({text} AS TIMESTAMPTZ)" if column.type is ColumnType.INSTANT else text


def _access(start: str, path: str) -> str:
    return start + "".join(f".{identifier(step)}" for step in path.split(".") if step)


def _rows_of(table: Table, place: RowPlace, names: tuple[str, ...]) -> str:
    """A list of structs of one place; a NULL object or element makes no row."""
    *outer, last = place.origin.split("[]")
    start, indexes = _ROOT, []
    wrappers = []
    for depth, steps in enumerate(outer):
        element, index = f"e{depth}", f"i{depth}"
        wrappers.append((_access(start, steps), element, index))
        indexes.append(index)
        start = element
    here = _access(start, last)
    row = _row(table, place, names, here, tuple(indexes))
    if not wrappers:
        return f"CASE WHEN {here} IS NULL THEN [] ELSE [{row}] END"
    return _listed(wrappers, here, row)


def _listed(wrappers: list[tuple[str, str, str]], here: str, row: str) -> str:
    """The rows of the innermost array, flattened out of the arrays around it."""
    one = f"CASE WHEN {here} IS NULL THEN NULL ELSE {row} END"
    array, element, index = wrappers[-1]
    listed = (
        f"list_filter(list_transform({array}, lambda {element}, {index}: {one}), lambda row: row IS NOT NULL)"
    )
    for array, element, index in reversed(wrappers[:-1]):
        listed = f"flatten(list_transform({array}, lambda {element}, {index}: coalesce({listed}, [])))"
    return listed


def _row(table: Table, place: RowPlace, names: tuple[str, ...], here: str, indexes: tuple[str, ...]) -> str:
    constants = dict(place.constants)
    positions = dict(zip(place.positions, indexes, strict=True))
    paths = dict(place.paths)
    parts = []
    for name in names:
        column = table.column(name)
        if name in constants:
            value = _constant(constants[name])
        elif name in positions:
            value = f"{positions[name]} - 1"
        elif name in paths:
            value = _typed(column, _access(here, paths[name]))
        else:
            value = "NULL"
        parts.append(f"{identifier(name)} := CAST({value} AS {SQL_TYPES[column.type]})")
    return f"struct_pack({', '.join(parts)})"


def _constant(value: str | int) -> str:
    return str(value) if isinstance(value, int) else literal(value)
