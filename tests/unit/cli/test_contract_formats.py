"""The data contract is valid by its standard's own schema, and both formats have every column there is."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import pytest
import yaml
from jsonschema import validators
from open_data_contract_standard.model import OpenDataContractStandard

from cbr_warehouse.cli.contract_formats import to_dbt, to_odcs
from cbr_warehouse.contract.load_schemas import read_contract
from support.small_log import SmallLog


@cache
def standard() -> Any:
    schema = json.loads(
        files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    )
    return validators.validator_for(schema)(schema)


LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML in a tenth of the time, where PyYAML was built with it."""


@cache
def odcs() -> str:
    return to_odcs(read_contract())


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(odcs(), LOADER)
    return document


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, str]]:
    """The columns of a real warehouse with their types, by schema and table."""
    path = SmallLog().publish(tmp_path_factory.mktemp("contract") / "warehouse.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name IN ('main', 'analytics') AND NOT internal"
        ).fetchall()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in rows:
        found.setdefault((schema, table), {})[column] = kind
    return found


def test_the_contract_is_valid_by_the_standard() -> None:
    assert [error.message for error in standard().iter_errors(contract())] == []
    read = OpenDataContractStandard.from_string(odcs())
    assert len(read.schema_ or []) == len(contract()["schema"])


def test_a_broken_contract_is_noticed() -> None:
    broken = contract() | {"schema": [{"name": "tasks", "logicalType": "tabel"}]}
    assert list(standard().iter_errors(broken))


def test_the_contract_has_every_column_with_its_type(columns: dict[tuple[str, str], dict[str, str]]) -> None:
    told = {
        tuple(one["name"].split(".")): {
            column["name"]: column["physicalType"] for column in one["properties"]
        }
        for one in contract()["schema"]
    }
    internal = {
        "as_of",
        "settings",
        "source_watermark",
        "source_clock",
        "configured_clock",
        "schedule_override",
    }
    internal |= {"error_code"}
    assert told == {key: value for key, value in columns.items() if key[1] not in internal}


def test_keys_are_those_of_the_tables() -> None:
    tasks = next(one for one in contract()["schema"] if one["name"] == "main.tasks")
    keys = {one["name"]: one["primaryKeyPosition"] for one in tasks["properties"] if one.get("primaryKey")}
    assert keys == {"source": 1, "task_id": 2}
    assert all(one["required"] for one in tasks["properties"] if one["name"] in keys)


def test_dbt_has_the_same_tables_and_columns() -> None:
    document = yaml.load(to_dbt(read_contract()), LOADER)
    told = {
        f"{source['schema']}.{table['name']}": {
            column["name"]: column["data_type"] for column in table["columns"]
        }
        for source in document["sources"]
        for table in source["tables"]
    }
    assert told == {
        one["name"]: {column["name"]: column["physicalType"] for column in one["properties"]}
        for one in contract()["schema"]
    }
