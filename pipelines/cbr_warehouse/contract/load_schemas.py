"""Reads ``schemas/*.yaml`` into a :class:`Contract`. The only place that knows their format."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from cbr_warehouse.contract.columns import Column, ColumnType, Contract, RowPlace, Table
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.schema_keys import check_schema
from cbr_warehouse.errors import SchemaError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""By libyaml where PyYAML was built with it: eight times as fast, and every load reads the schemas."""

VALIDATION_VERSION = "3"
"""Part of the fingerprint: raised when validation or flattening rules change without a change in schemas/."""

VALIDATED_ALIKE = ("42017f0c7fa9f486",)
"""Fingerprints of contracts that gave every record the same result of validation as the present one.

Their records need no validation again. Empty it when validation changes, or a column is read from elsewhere;
``tests/unit/contract/test_validated_alike.py`` fails otherwise.
"""

TASK_TABLES = (
    "tasks",
    "resources",
    "resource_volumes",
    "replications",
    "task_versions",
    "quarantine",
    "coverage",
    "loads",
)
"""Tables of the log of tasks and of its loads."""

TABLE_ORDER = (*TASK_TABLES, *ALL_INVENTORY_TABLES)


def schemas_folder() -> Traversable:
    """Where the schemas lie: inside the installed package, or beside it in a checkout."""
    packaged = files("cbr_warehouse").joinpath("schemas")
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "schemas"


@cache
def read_contract() -> Contract:
    """Reads the contract that travels with this package, once a process.

    Returns:
        All tables, in the order a reader meets them.

    Raises:
        SchemaError: A file has an unknown key or a wrong value.
    """
    of_tasks = hashlib.blake2b(VALIDATION_VERSION.encode(), digest_size=8)
    of_all = of_tasks.copy()
    tables: dict[str, Table] = {}
    for name in TABLE_ORDER:
        text = schemas_folder().joinpath(f"{name}.yaml").read_bytes()
        of_all.update(text)
        if name in TASK_TABLES:
            of_tasks.update(text)
        tables[name] = parse_table(f"schemas/{name}.yaml", text, tables)
    return Contract(
        tables=tuple(tables.values()),
        fingerprint=of_tasks.hexdigest(),
        warehouse_fingerprint=of_all.hexdigest(),
        alike=VALIDATED_ALIKE,
    )


def parse_table(file: str, text: bytes, earlier: Mapping[str, Table]) -> Table:
    """Makes a table of the text of a schema file.

    Args:
        file: Name of the file, for messages.
        text: Its content.
        earlier: Tables whose columns it may include, by name.

    Raises:
        SchemaError: It is no YAML, has an unknown key or a wrong value, or includes no earlier table.
    """
    try:
        entry = yaml.load(text, _LOADER)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        raise SchemaError(f"{file}: is not YAML: {error}") from error
    check_schema(file, entry)
    included = entry.get("includes")
    if included is not None and included not in earlier:
        raise SchemaError(f"{file}: includes must be one of {', '.join(earlier)}, not {included!r}.")
    own = tuple(_column(column) for column in entry["columns"])
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
