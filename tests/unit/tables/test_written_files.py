"""What DuckDB says of files that it wrote is read by name: its versions have more or fewer columns."""

from typing import Any

import duckdb
import pytest

from cbr_warehouse.tables.partition_writer import written_files


class Newer:
    """A connection that executed a ``COPY``, as DuckDB 2 answers: with one more column, the last."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @property
    def description(self) -> list[tuple[Any, ...]]:
        found = self._connection.description or []
        return [*found, ("extra_info", *found[-1][1:])]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [(*row, {"row_group_count": 1}) for row in self._connection.fetchall()]


@pytest.mark.parametrize("as_answered_by", [lambda one: one, Newer], ids=["installed", "newer"])
def test_days_and_rows_are_those_of_the_files(tmp_path: Any, as_answered_by: Any) -> None:
    """``uv tool install`` takes the newest DuckDB: every load ended with KeyError 'day'."""
    rows = "SELECT day, range AS n FROM range(3), (VALUES (DATE '2026-01-01'), (DATE '2026-01-02')) AS d(day)"
    with duckdb.connect() as connection:
        copied = connection.execute(
            f"COPY ({rows}) TO '{tmp_path / 'days'}' (FORMAT parquet, PARTITION_BY (day), RETURN_STATS)"
        )
        made = written_files(as_answered_by(copied))
        assert sorted((one["partition_keys"]["day"], one["count"]) for one in made) == [
            ("2026-01-01", 3),
            ("2026-01-02", 3),
        ]
        copied = connection.execute(f"COPY ({rows}) TO '{tmp_path / 'one'}' (FORMAT parquet, RETURN_STATS)")
        assert [one["count"] for one in written_files(as_answered_by(copied))] == [6]
