"""The tables, views and macros for an assistant: what each answers, how it is defined, and its columns."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from cbr_warehouse.analytics.catalogue import PARTS, Definition, base_tables, views
from cbr_warehouse.contract.dictionary import dictionary
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import UsageError
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.warehouse.query import Snapshot

_NAMED = re.compile(r"\banalytics\s*\.\s*\"?(\w+)", re.IGNORECASE)

Value = str | int | float | bool | None


def definitions() -> dict[str, Definition]:
    """All of schema ``analytics``, by name."""
    return {one.name: one for one in (*base_tables(), *views())}


def list_views() -> list[dict[str, str]]:
    """Every view, macro and table with the question it answers."""
    found = [
        {
            "name": f"analytics.{one.name}",
            "kind": one.kind,
            "question": one.parts["Question"],
            **({"arguments": one.arguments} if one.kind == "macro" else {}),
        }
        for one in definitions().values()
    ]
    return [
        *sorted(found, key=lambda one: one["name"]),
        *(
            {"name": table.name, "kind": "table", "question": table.description}
            for table in read_contract().tables
        ),
    ]


def describe_view(snapshot: Snapshot, name: str, plain: Callable[[Any], Any]) -> dict[str, Any]:
    """A view, macro or table with its definition, the settings it depends on, and its columns.

    Args:
        snapshot: The open warehouse.
        name: Its name, with or without ``analytics.``.
        plain: Makes a value one of JSON.

    Raises:
        UsageError: There is none of this name.
    """
    short = name.removeprefix("analytics.")
    definition = definitions().get(short)
    if definition is None:
        return _describe_table(short)
    answer = snapshot.query("FROM analytics.settings")
    values = dict(zip(answer.columns, map(plain, next(iter(answer.rows))), strict=True))
    return {
        "name": f"analytics.{short}",
        "kind": definition.kind,
        **explain(definition),
        "columns": definition.columns,
        **({"arguments": definition.arguments} if definition.kind == "macro" else {}),
        "setting_values": {
            key: value for key, value in values.items() if key in definition.parts["Settings"]
        },
    }


def explain(definition: Definition) -> dict[str, str]:
    """What the header of a definition says, by part: ``question``, ``grain``, ``definition`` and so on."""
    return {part.lower().replace(" ", "_"): definition.parts[part] for part in PARTS}


def explain_named(sql: str) -> dict[str, dict[str, str]]:
    """What the views and tables are that a statement names."""
    known = definitions()
    names = dict.fromkeys(name.lower() for name in _NAMED.findall(sql))
    words = set(re.findall(r"\w+", sql.lower()))
    tables = {one.name: {"grain": one.description} for one in read_contract().tables if one.name in words}
    return tables | {f"analytics.{name}": explain(known[name]) for name in names if name in known}


def selection(
    snapshot: Snapshot, name: str, columns: list[str], filters: Mapping[str, Any], order_by: str
) -> str:
    """The statement for some rows of a view or table; names are checked, values are literals.

    Args:
        snapshot: The open warehouse.
        name: A view or table, with or without ``analytics.``.
        columns: Its columns to give; all if there are none.
        filters: By column a value, a list of values, or None for no value.
        order_by: A column, with ``-`` before it for the largest first; empty for no order.

    Raises:
        UsageError: There is no such view, table or column.
    """
    schema, short, known = _columns(snapshot, name)
    wanted = [*columns, *filters, *([order_by.removeprefix("-")] if order_by else [])]
    if unknown := [column for column in wanted if column not in known]:
        raise UsageError(f"{schema}.{short} has no column {unknown[0]!r}. Its columns: {', '.join(known)}.")
    conditions = " AND ".join(_condition(column, value) for column, value in filters.items())
    direction = "DESC" if order_by.startswith("-") else "ASC"
    order = f" ORDER BY {identifier(order_by.removeprefix('-'))} {direction} NULLS LAST" if order_by else ""
    chosen = ", ".join(map(identifier, columns)) or "*"
    return f"SELECT {chosen} FROM {schema}.{identifier(short)} WHERE {conditions or 'true'}{order}"


def _columns(snapshot: Snapshot, name: str) -> tuple[str, str, list[str]]:
    short = name.removeprefix("analytics.").removeprefix("main.")
    rows = snapshot.query(
        "SELECT schema_name, table_name, column_index, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('analytics', 'main') AND NOT internal ORDER BY ALL",
    ).rows
    for schema in ("main",) if name.startswith("main.") else ("analytics", "main"):
        if found := [row[3] for row in rows if row[:2] == (schema, short)]:
            return schema, short, found
    macro = definitions().get(short)
    if macro is not None and macro.kind == "macro":
        raise UsageError(
            f"analytics.{short} is a macro and takes arguments. Run it with run_sql: "
            f"FROM analytics.{short}({macro.arguments})."
        )
    raise _unknown(short, {row[1] for row in rows})


def _describe_table(name: str) -> dict[str, Any]:
    rows = [row for row in dictionary(read_contract()) if row.table == name]
    if not rows:
        raise _unknown(name, {*definitions(), *(table.name for table in read_contract().tables)})
    table = next(one for one in read_contract().tables if one.name == name)
    return {
        "name": name,
        "kind": "table",
        "question": table.description,
        "columns": {row.column: f"{row.type}: {row.description}" for row in rows},
    }


def _unknown(name: str, known: set[str]) -> UsageError:
    near = get_close_matches(name, known, n=5, cutoff=0.4)
    hint = f" Similar: {', '.join(near)}." if near else ""
    return UsageError(f"There is no view or table {name!r}.{hint} list_views has all of them.")


def _condition(column: str, value: Any) -> str:
    if isinstance(value, list):
        given = [one for one in value if one is not None]
        texts = f"{identifier(column)} IN ({', '.join(map(_literal, given))})" if given else "false"
        return f"({texts} OR {identifier(column)} IS NULL)" if len(given) < len(value) else texts
    return f"{identifier(column)} IS NULL" if value is None else f"{identifier(column)} = {_literal(value)}"


def _literal(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else literal(value)
