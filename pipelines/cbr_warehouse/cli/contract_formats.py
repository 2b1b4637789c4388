"""The tables and views in the formats of others: an Open Data Contract (ODCS), and sources of dbt.

Both are made of what ``schema`` and ``views`` show: the contract, and the catalogue of the analytics with the
types of its columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from cbr_warehouse import __version__
from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.analytics.columns import analytics_columns
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.sql_types import SQL_TYPES

ODCS_VERSION = "v3.1.0"
"""Of the standard; one that its tools of the last years read."""

_LOGICAL = {
    "VARCHAR": "string",
    "BLOB": "string",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "INTERVAL": "string",
}
_PURPOSE = "Tasks of Huawei Cloud / Open Telekom Cloud CBR, complete and flattened, with views for questions."
_LIMITATIONS = (
    "The log has no sizes, no users, no prices, and nothing of resources that were never enrolled: what a "
    "source has besides is in the tables of its inventory, where that is loaded. "
    "The table coverage says which days are complete."
)


@dataclass(frozen=True)
class _Column:
    """A column of a table or view."""

    name: str
    type: str
    description: str
    is_required: bool = False
    key_position: int = 0


@dataclass(frozen=True)
class _Relation:
    """A table or view."""

    schema: str
    name: str
    kind: str
    description: str
    grain: str
    columns: tuple[_Column, ...]


def to_odcs(contract: Contract) -> str:
    """All tables and views as one data contract of the Open Data Contract Standard, as YAML."""
    document = {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": "cbr-warehouse",
        "name": "CBR warehouse",
        "version": __version__,
        "status": "active",
        "domain": "backup",
        "description": {"purpose": _PURPOSE, "limitations": _LIMITATIONS},
        "servers": [
            {"server": schema, "type": "duckdb", "database": "data/warehouse.duckdb", "schema": schema}
            for schema in ("main", "analytics")
        ],
        "schema": [_odcs_object(one) for one in _relations(contract)],
    }
    return _as_yaml(document)


def to_dbt(contract: Contract) -> str:
    """All tables and views as sources of dbt (with dbt-duckdb), as YAML."""
    relations = list(_relations(contract))
    sources = [
        {
            "name": name,
            "description": _PURPOSE if schema == "main" else f"Views that answer questions. {_LIMITATIONS}",
            "database": "warehouse",
            "schema": schema,
            "tables": [_dbt_table(one) for one in relations if one.schema == schema],
        }
        for name, schema in (("cbr", "main"), ("cbr_analytics", "analytics"))
    ]
    return _as_yaml({"version": 2, "sources": sources})


def _relations(contract: Contract) -> Iterator[_Relation]:
    for table in contract.tables:
        columns = tuple(
            _Column(
                column.name,
                SQL_TYPES[column.type].replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),  # as for views
                column.description,
                not column.nullable,
                table.key.index(column.name) + 1 if column.name in table.key else 0,
            )
            for column in table.columns
        )
        yield _Relation("main", table.name, "table", table.description, table.description, columns)
    for one in (*base_tables(), *views()):
        if one.kind != "macro":
            parts = (one.parts["Question"], one.parts["Definition"], f"Edge cases: {one.parts['Edge cases']}")
            described = " ".join(parts)
            columns = tuple(
                _Column(column.name, column.type, column.description)
                for column in analytics_columns()[one.name]
            )
            yield _Relation("analytics", one.name, one.kind, described, one.parts["Grain"], columns)


def _odcs_object(relation: _Relation) -> dict[str, Any]:
    return {
        "name": f"{relation.schema}.{relation.name}",
        "physicalName": relation.name,
        "logicalType": "object",
        "physicalType": relation.kind,
        "description": relation.description,
        "dataGranularityDescription": relation.grain,
        "tags": [relation.schema],
        "properties": [_odcs_property(column) for column in relation.columns],
    }


def _odcs_property(column: _Column) -> dict[str, Any]:
    key = {"primaryKey": True, "primaryKeyPosition": column.key_position} if column.key_position else {}
    is_list = column.type.endswith("[]")
    items = {"items": {"logicalType": _logical(column.type.removesuffix("[]"))}} if is_list else {}
    return {
        "name": column.name,
        "logicalType": _logical(column.type),
        "physicalType": column.type,
        "description": column.description,
        "required": column.is_required,
        **key,
        **items,
    }


def _logical(kind: str) -> str:
    """The standard's name of one of DuckDB's types."""
    if kind.endswith("[]"):
        return "array"
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    if kind.startswith("STRUCT"):
        return "object"
    if "INT" in kind and kind != "INTERVAL":
        return "integer"
    return _LOGICAL.get(kind, "number")


def _dbt_table(relation: _Relation) -> dict[str, Any]:
    return {
        "name": relation.name,
        "description": relation.description,
        "columns": [
            {
                "name": column.name,
                "description": column.description,
                "data_type": column.type,
                **({"data_tests": ["not_null"]} if column.is_required else {}),
            }
            for column in relation.columns
        ],
    }


def _as_yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
