"""The SQL of the rows of the inventory's tables, from the history of each object and its texts.

It reads ``inventory_history`` and ``inventory_record``, which ``inventory_history`` describes and makes.
"""

from collections.abc import Iterable

from cbr_warehouse.contract.columns import Column, ColumnType
from cbr_warehouse.contract.inventory import HISTORY_COLUMNS, InventoryTable
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.tables.inventory_rules import RULE_COLUMNS
from cbr_warehouse.tables.inventory_values import elements, left_over, place, pointer, structure, typed


def rows_of_objects(table: InventoryTable, children: Iterable[InventoryTable]) -> str:
    """The query of a table with a row for each version of an object.

    Args:
        table: The table; its record is the row.
        children: The tables of lists in its records.
    """
    values = _values(table)
    lists = {one.list_path: f"({_key_of('x', one)}) IS NOT NULL" for one in children if one.list_path}
    columns = {table.inner_path(column) or "": column.type for column in values}
    columns[table.id_column.path or ""] = ColumnType.TEXT
    read = structure([*columns, *lists])
    selected = ", ".join(
        f"{typed(column.type, place('v', table.inner_path(column) or ''))} AS {identifier(column.name)}"
        for column in values
    )
    object_type = "object_type, " if "object_type" in table.table.key else ""
    return f"""
SELECT $source AS source, {object_type}object_id AS {identifier(table.id_column.name)},
    version, first_seen_at, last_seen_at, is_current, {selected},
    {left_over("record_text::JSON", "v", columns, lists)} AS extra, record_text
FROM (
    SELECT h.*, r.record_text, from_json(r.record_text, {literal(read)}) AS v
    FROM inventory_history AS h
    JOIN inventory_record AS r USING (kind, object_type, object_id, content_hash)
    WHERE h.kind = {literal(table.kind)})
"""


def rows_of_elements(table: InventoryTable) -> str:
    """The query of a table with a row for each version of an element of a list in the records of a kind.

    Of several elements with one key in a record, the first one counts.
    """
    list_path = table.list_path or ""
    read = structure([list_path])
    inner = {table.inner_path(column) or "": column.type for column in _values(table)}
    selected = ["object_id", "element_key", *HISTORY_COLUMNS]
    names = [table.id_column.name, table.table.key[2], *HISTORY_COLUMNS]
    for column in _values(table):
        selected.append(typed(column.type, place("v", table.inner_path(column) or "")))
        names.append(column.name)
    if table.table.name == "policy_schedules":
        names += RULE_COLUMNS
        selected += RULE_COLUMNS.values()
    else:
        names.append("extra")
        inner[_key_path(table)] = ColumnType.TEXT
        selected.append(left_over("element", "v", inner, {}))
    listed = ", ".join(f"{one} AS {identifier(name)}" for one, name in zip(selected, names, strict=True))
    parsed = f"from_json(element, {literal(structure(inner))})" if _key_path(table) else "element"
    return f"""
WITH object AS (
    SELECT h.*, from_json(r.record_text, {literal(read)}) AS v
    FROM inventory_history AS h
    JOIN inventory_record AS r USING (kind, object_type, object_id, content_hash)
    WHERE h.kind = {literal(table.kind)}
),

listed AS (
    SELECT * EXCLUDE (v), unnest({elements(place("v", list_path))}) AS x,
        generate_subscripts({elements(place("v", list_path))}, 1) AS position
    FROM object
),

named AS (
    SELECT *, {_key_of("x", table)} AS element_key
    FROM listed
),

element AS (
    SELECT object_id, presence, version AS object_version, element_key,
        any_value(first_seen_at) AS first_seen_at, any_value(last_seen_at) AS last_seen_at,
        any_value(is_current) AS is_current,
        arg_min(x, position) AS element
    FROM named
    WHERE element_key IS NOT NULL
    GROUP BY object_id, presence, version, element_key
),

marked AS (
    SELECT *,
        coalesce(
            lag(object_version) OVER of_element = object_version - 1
            AND lag(presence) OVER of_element = presence
            AND lag(element::VARCHAR) OVER of_element = element::VARCHAR, false
        ) AS is_same
    FROM element
    WINDOW of_element AS (PARTITION BY object_id, element_key ORDER BY object_version ASC)
),

numbered AS (
    SELECT *, count(*) FILTER (NOT is_same) OVER (
        PARTITION BY object_id, element_key ORDER BY object_version ASC ROWS UNBOUNDED PRECEDING
    ) AS version
    FROM marked
),

versioned AS (
    SELECT object_id, element_key, version,
        min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
        bool_or(is_current) AS is_current, any_value(element) AS element
    FROM numbered
    GROUP BY object_id, element_key, version
)

SELECT $source AS source, {listed}
FROM (SELECT *, {parsed} AS v FROM versioned)
"""


def _values(table: InventoryTable) -> list[Column]:
    """The columns whose values are in the record or element, ids and keys aside."""
    key = table.element_column
    return [one for one in _in_record(table) if key is None or one.name != key.name]


def _in_record(table: InventoryTable) -> list[Column]:
    return [one for one in table.table.columns if table.inner_path(one) is not None]


def _key_path(table: InventoryTable) -> str:
    key = table.element_column
    return (table.inner_path(key) or "") if key is not None else ""


def _key_of(element: str, table: InventoryTable) -> str:
    """SQL of the key of an element; NULL where it has none that can be used."""
    path = _key_path(table)
    value = element
    for key in path.split(".") if path else ():
        value = f"json_extract({value}, {literal(pointer(key))})"
    return f"nullif({typed(ColumnType.TEXT, value)}, '')"
