"""Queries of the published file: names, types and all rows, and errors that say whose fault it is."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.warehouse.query import count_rows, query, query_failed, read_watermark, stream_query

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("query") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE tasks AS SELECT range AS n, 'x' AS \"a name\" FROM range(5000)")
        connection.execute("CREATE SCHEMA analytics")
        connection.execute('CREATE VIEW analytics."a view" AS SELECT 1 UNION ALL SELECT 2')
    return path


def test_a_result_has_names_types_and_every_row(path: Path) -> None:
    found = query(path, 'SELECT n, "a name", NULL::TIMESTAMPTZ AS t FROM tasks ORDER BY n')
    assert (found.columns, found.types) == (
        ("n", "a name", "t"),
        ("BIGINT", "VARCHAR", "TIMESTAMP WITH TIME ZONE"),
    )
    assert list(found.rows) == [(number, "x", None) for number in range(5000)]


def test_rows_of_a_stream_come_as_they_are_consumed(path: Path) -> None:
    with stream_query(path, "SELECT n FROM tasks ORDER BY n") as found:
        rows = iter(found.rows)
        assert [next(rows) for _ in range(3)] == [(0,), (1,), (2,)]
        assert len(list(rows)) == 4997
    with pytest.raises(ZeroDivisionError), stream_query(path, "SELECT n FROM tasks") as found:
        raise ZeroDivisionError


def test_an_error_while_rows_are_fetched_is_the_querys(path: Path) -> None:
    late = "SELECT CASE WHEN n = 4999 THEN error('late') END FROM tasks"
    with pytest.raises(WarehouseError, match=r"^The query failed: .*late"), stream_query(path, late) as found:
        list(found.rows)
    with pytest.raises(WarehouseError, match=r"^The query failed: .*nothing"):
        query(path, "SELECT nothing FROM tasks")
    with pytest.raises(UsageError, match="The query is empty"):
        query(path, " ; ")


def test_an_error_is_blamed_on_the_file_where_it_is_damaged(path: Path) -> None:
    wrong = query_failed(path, duckdb.BinderException("Binder Error: no such column"))
    assert str(wrong) == "The query failed: Binder Error: no such column"
    damaged = query_failed(path, duckdb.FatalException("FATAL Error: checksum"))
    assert str(damaged).startswith(f"{path} is damaged")


def test_rows_are_counted_by_table(path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as connection:
        assert count_rows(connection, ["tasks"]) == {"tasks": 5000}
        assert count_rows(connection, ["a view"], "analytics") == {"a view": 2}


@pytest.mark.parametrize(("rows", "expected"), [([], None), ([None], None), ([AT], AT)])
def test_the_watermark_is_a_time_in_utc_or_none(
    rows: list[datetime | None], expected: datetime | None
) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        connection.execute("CREATE SCHEMA analytics")
        connection.execute("CREATE TABLE analytics.as_of (as_of TIMESTAMPTZ)")
        for row in rows:
            connection.execute("INSERT INTO analytics.as_of VALUES ($1)", [row])
        found = read_watermark(connection)
    assert found == expected
    assert found is None or found.tzinfo is UTC
