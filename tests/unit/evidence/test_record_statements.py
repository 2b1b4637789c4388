"""What is recorded does the same again, whatever a value looks like."""

from datetime import timedelta

import duckdb

from cbr_warehouse.evidence.record_statements import RecordingConnection


def test_recorded_statements_give_the_same_rows() -> None:
    values = [
        ["it's $2; -- x", None, 1.5, timedelta(hours=1, microseconds=7)],
        ["$1", True, 2.0, timedelta()],
    ]
    create = "CREATE TABLE t (a VARCHAR, b BOOLEAN, c DOUBLE, d INTERVAL)"
    with duckdb.connect() as first, duckdb.connect() as second:
        recording = RecordingConnection(first)
        recording.execute(create)
        recording.executemany("INSERT INTO t VALUES ($1, $2, $3, $4)", values)
        assert recording.execute("SELECT count(*) FROM t").fetchall() == [(2,)]
        assert len(recording.statements) == 3
        for statement in recording.statements:
            second.execute(statement)
        assert second.execute("FROM t").fetchall() == first.execute("FROM t").fetchall()
        assert [list(row) for row in first.execute("FROM t").fetchall()] == values
