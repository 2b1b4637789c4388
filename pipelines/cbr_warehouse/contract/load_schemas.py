"""Reads ``schemas/*.yaml`` into a :class:`Contract`. The only place that knows their format."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from cbr_warehouse.contract.columns import Column, ColumnType, Contract, RowPlace, Table

DOOR_VERSION = "3"
"""Part of the fingerprint: raised when door or flattening rules change without a change in schemas/."""

TABLE_ORDER = (
    "tasks",
    "resources",
    "resource_volumes",
    "replications",
    "task_versions",
    "quarantine",
    "coverage",
    "loads",
)


def schemas_folder() -> Traversable:
    """Where the schemas lie: inside the installed package, or beside it in a checkout."""
    packaged = files("cbr_warehouse").joinpath("schemas")
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "schemas"


@cache
def read_contract() -> Contract:
    """Reads the contract that travels with this package, once a process.

    Returns:
        All tables, in the order a reader meets them.
    """
    digest = hashlib.blake2b(DOOR_VERSION.encode(), digest_size=8)
    tables: dict[str, Table] = {}
    for name in TABLE_ORDER:
        text = schemas_folder().joinpath(f"{name}.yaml").read_bytes()
        digest.update(text)
        tables[name] = _table(yaml.safe_load(text), tables)
    return Contract(tables=tuple(tables.values()), fingerprint=digest.hexdigest())


def _table(entry: dict[str, Any], earlier: dict[str, Table]) -> Table:
    own = tuple(_column(column) for column in entry["columns"])
    included = entry.get("includes")
    inherited = earlier[included].columns if included else ()
    return Table(
        name=entry["table"],
        description=entry["description"],
        key=tuple(entry["key"]),
        columns=inherited + own,
        places=tuple(_place(place) for place in entry.get("rows", ())),
    )


def _column(entry: dict[str, Any]) -> Column:
    column_type = ColumnType(entry["type"])
    return Column(
        name=entry["name"],
        type=column_type,
        description=entry["description"],
        path=entry.get("path"),
        alias=entry.get("alias"),
        nullable=entry.get("nullable", True),
        empty_is_null=entry.get("empty_is_null", column_type is not ColumnType.TEXT),
        counter=entry.get("counter", False),
    )


def _place(entry: dict[str, Any]) -> RowPlace:
    return RowPlace(
        origin=entry["from"],
        constants=tuple(entry.get("constants", {}).items()),
        positions=tuple(entry.get("positions", ())),
        paths=tuple(entry.get("paths", {}).items()),
    )
