"""Column schemas on Dagster's pages are those of the contract."""

from collections.abc import Callable

import dagster as dg
import pytest

from cbr_warehouse.contract.dictionary import dictionary
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.raw.files import RECORDS
from cbr_warehouse.tables.partition_writer import PARTITIONED, SET_LATER
from support.dagster_deployment import Deployment

CONTRACT = read_contract()


@pytest.fixture
def schema_of(install: Callable[..., Deployment]) -> Callable[..., dg.TableSchema]:
    defs = install("prod").defs

    def schema_of(*path: str) -> dg.TableSchema:
        key = dg.AssetKey(path)
        schema = defs.resolve_assets_def(key).metadata_by_key[key]["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        return schema

    return schema_of


@pytest.mark.parametrize("table", CONTRACT.tables, ids=lambda table: table.name)
def test_a_table_of_the_warehouse_has_every_column_of_the_contract(
    schema_of: Callable[..., dg.TableSchema], table
) -> None:
    schema = schema_of("warehouse", table.name)
    shown = [(c.name, c.type, c.description, c.constraints.nullable) for c in schema.columns]
    assert shown == [(c.name, SQL_TYPES[c.type], c.description, c.nullable) for c in table.columns]
    assert schema.constraints.other == [f"unique ({', '.join(table.key)})"]
    unique = {c.name for c in schema.columns if c.constraints.unique}
    assert unique == (set(table.key) if len(table.key) == 1 else set())


@pytest.mark.parametrize("name", PARTITIONED)
def test_a_table_lacks_what_only_the_warehouse_sets(
    schema_of: Callable[..., dg.TableSchema], name: str
) -> None:
    shown = {column.name for column in schema_of("tables", name).columns}
    assert shown == {column.name for column in CONTRACT.table(name).columns} - SET_LATER


def test_raw_shows_the_columns_of_its_files(schema_of: Callable[..., dg.TableSchema]) -> None:
    names = [column.name for column in schema_of("raw", "prod").columns]
    paths = {row.path for row in dictionary(CONTRACT) if row.path}
    assert names == [*RECORDS.names, *(f"record_text.{path}" for path in sorted(paths))]
