"""What a source keeps where its files are damaged, and what a warehouse and its update are made of."""

import logging
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.analytics.columns import analytics_columns
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.published_rows import ALL_TABLES, keep_published_rows
from cbr_warehouse.warehouse.update import ANALYTICS_MEMORY_MB, analytics_megabytes
from support.landed_records import CONTRACT

TABLES = (("main", "loads"), ("meta", "sightings"))


def made(path: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path)
    for statement in create_statements(CONTRACT):
        connection.execute(statement)
    return connection


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    with made(str(directory.warehouse)) as connection:
        for source, number in (("hurt", 3), ("well", 2)):
            connection.execute(
                "INSERT INTO loads BY NAME SELECT $1 AS source, range::VARCHAR AS load_id, "
                "now() AS started_at, 'deep' AS purpose, 'done' AS outcome FROM range($2)",
                [source, number],
            )
            connection.execute("INSERT INTO meta.sightings VALUES ($1, 'L1')", [source])
    return directory


@pytest.fixture
def following() -> Iterator[duckdb.DuckDBPyConnection]:
    with made(":memory:") as connection:
        connection.execute("BEGIN")
        yield connection


def counts(connection: duckdb.DuckDBPyConnection) -> list[int]:
    return [
        int(connection.execute(f"SELECT count(*) FROM {schema}.{table}").fetchall()[0][0])
        for schema, table in TABLES
    ]


def test_rows_of_one_source_are_kept_as_they_were_published(
    directory: DataDirectory, following: duckdb.DuckDBPyConnection
) -> None:
    assert keep_published_rows(following, directory, "hurt", TABLES)
    assert counts(following) == [3, 1]
    assert keep_published_rows(following, directory, "well", ALL_TABLES)
    assert counts(following) == [5, 2]
    assert keep_published_rows(following, directory, "unknown", ALL_TABLES)
    assert following.execute("SELECT DISTINCT source FROM loads ORDER BY 1").fetchall() == [
        ("hurt",),
        ("well",),
    ]


@pytest.mark.fault("unreadable warehouse")
def test_none_are_kept_where_not_all_can_be(
    directory: DataDirectory, following: duckdb.DuckDBPyConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert not keep_published_rows(following, directory, "hurt", (*TABLES, ("main", "no_such_table")))
        assert counts(following) == [0, 0]
        directory.warehouse.write_bytes(b"no database at all")
        assert not keep_published_rows(following, directory, "hurt", TABLES)
    following.execute("COMMIT")
    assert counts(following) == [0, 0]


@pytest.mark.fault("disk errors")
@pytest.mark.parametrize(
    "error",
    [duckdb.OutOfMemoryException("too little"), duckdb.IOException("IO Error: No space left on device")],
)
def test_what_is_no_fault_of_the_published_file_ends_the_publication(
    directory: DataDirectory,
    following: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    error: duckdb.Error,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("cbr_warehouse.warehouse.published_rows._copy", fail)
    with pytest.raises(type(error)):
        keep_published_rows(following, directory, "hurt", TABLES)


def test_an_increment_gets_memory_by_the_tasks_of_its_days(following: duckdb.DuckDBPyConnection) -> None:
    tasks = "SELECT 'prod' AS source, DATE '2026-11-20' + (range // 5999)::INTEGER AS day FROM range(17_997)"
    following.execute(f"CREATE OR REPLACE TABLE tasks AS {tasks}")
    one, two, unknown = ("prod", "2026-11-20"), ("prod", "2026-11-21"), ("prod", "unknown")
    assert analytics_megabytes(following, []) == ANALYTICS_MEMORY_MB
    assert analytics_megabytes(following, [two]) == ANALYTICS_MEMORY_MB + 1
    following.execute("INSERT INTO tasks VALUES ('prod', '2026-11-21'), ('other', '2026-11-20')")
    assert analytics_megabytes(following, [two, unknown]) == ANALYTICS_MEMORY_MB + 2
    assert analytics_megabytes(following, {one: "x", two: "y"}) == ANALYTICS_MEMORY_MB + 3
    following.execute("INSERT INTO tasks SELECT 'prod', '2026-11-25' FROM range(200_000)")
    assert analytics_megabytes(following, [two]) == ANALYTICS_MEMORY_MB + 2 + 2


def test_tables_have_the_columns_and_comments_of_the_contract(following: duckdb.DuckDBPyConnection) -> None:
    found = following.execute(
        "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE schema_name = 'main' AND NOT internal ORDER BY table_oid, column_index"
    ).fetchall()
    assert found == [
        (
            table.name,
            column.name,
            SQL_TYPES[column.type].replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
            column.nullable,
            column.description,
        )
        for table in CONTRACT.tables
        for column in table.columns
    ]
    comments = following.execute(
        "SELECT schema_name, table_name, comment FROM duckdb_tables() ORDER BY table_oid"
    ).fetchall()
    assert comments[: len(CONTRACT.tables)] == [
        ("main", table.name, table.description) for table in CONTRACT.tables
    ]
    assert [(name, bool(comment)) for _, name, comment in comments[len(CONTRACT.tables) :]] == [
        ("partitions", True),
        ("sightings", True),
        ("inventory", True),
        ("inventory_objects", True),
        ("inventory_extent", True),
        ("contract", True),
    ]


def test_every_column_of_the_analytics_has_its_type_and_description() -> None:
    found = analytics_columns()
    assert {"attempt", "backup_success_daily", "day_state"} <= set(found)
    lacking = [(name, one.name) for name, columns in found.items() for one in columns if not one.description]
    assert lacking == []
    types = {one.name: one.type for one in found["attempt"]}
    assert (types["source"], types["created_at"]) == ("VARCHAR", "TIMESTAMP WITH TIME ZONE")
