"""Results of queries on stdout: every value, however many rows, in each format."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.cli.query_output import Format, print_answer
from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.warehouse.query import QueryResult, query, stream_query

pytestmark = pytest.mark.fault("values cut or rounded")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    return path


def printed(warehouse: Path, sql: str, output: Format, capsys: pytest.CaptureFixture[str]) -> str:
    with stream_query(warehouse, sql) as answer:
        print_answer(answer, output)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("TIMESTAMPTZ '2026-01-02 03:04:05.1+02'", '"2026-01-02T01:04:05.100000Z"'),
        ("TIMESTAMPTZ '0044-01-02 00:00:00+00'", '"0044-01-02T00:00:00.000000Z"'),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("12345678901234567890.123456789::DECIMAL(38, 9)", "12345678901234567890.123456789"),
        ("[1.10::DECIMAL(3, 2)]", "[1.10]"),
        ("'nan'::DOUBLE", '"nan"'),
        ("{'a': [DATE '2026-01-02', NULL]}", '{"a":["2026-01-02",null]}'),
        ("MAP {'k': 1}", '{"k":1}'),
        ("'\\xAA\\x01'::BLOB", '"aa01"'),
        ("'Ä 中 \"'", '"Ä 中 \\""'),
    ],
)
def test_json_holds_every_value_digit_for_digit(
    warehouse: Path, capsys: pytest.CaptureFixture[str], expression: str, shown: str
) -> None:
    out = printed(warehouse, f"SELECT {expression} AS x", Format.JSON, capsys)
    assert f'{{"x":{shown}}}' in out
    assert list(json.loads(out)[0]) == ["x"]


def test_json_keeps_every_column_of_a_join(warehouse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``SELECT t.*, r.*`` lost the first ``source``: an object has each key once."""
    out = printed(warehouse, "SELECT 1 AS a, 2 AS a, 3 AS a_1", Format.JSON, capsys)
    assert json.loads(out) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


@pytest.mark.parametrize(("rows", "count"), [("WHERE false", 0), ("", 1), ("FROM range(5000)", 5000)])
def test_json_is_one_array_however_many_rows(
    warehouse: Path, capsys: pytest.CaptureFixture[str], rows: str, count: int
) -> None:
    assert len(json.loads(printed(warehouse, f"SELECT 1 AS x {rows}", Format.JSON, capsys))) == count


@pytest.mark.parametrize("output", [Format.CSV, Format.JSON])
def test_rows_are_printed_as_they_come(output: Format, capsys: pytest.CaptureFixture[str]) -> None:
    """All rows stood in memory first: a few million did not fit."""
    before: list[str] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        yield (1,)
        before.append(capsys.readouterr().out)
        yield (2,)

    print_answer(QueryResult(("x",), ("INTEGER",), rows()), output)
    assert "1" in before[0]


def test_csv_is_quoted_alike_everywhere_and_keeps_null_and_empty_apart(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """NULL and '' were both nothing, and Python 3.13 quotes what 3.11 does not."""
    row = (
        "SELECT NULL AS n, '' AS e, ' x ' AS s, 'a,b' AS c, 'q\"q' AS q, e'l\\nm\\rk' AS l, "
        "1.50 AS d, '-' AS m"
    )
    assert printed(warehouse, row, Format.CSV, capsys) == (
        'n,e,s,c,q,l,d,m\n,"", x ,"a,b","q""q","l\nm\rk",1.50,-\n'
    )
    rows = "FROM (VALUES (NULL), (''), ('x')) AS v(one)"
    assert printed(warehouse, rows, Format.CSV, capsys) == 'one\n\n""\nx\n'


def test_duckdb_reads_the_csv_as_it_was(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = "(VALUES (1, NULL), (2, ''), (3, 'a\"b,c'), (4, e'l\\nm')) AS v(i, t)"
    out = printed(warehouse, f"FROM {values}", Format.CSV, capsys)
    (tmp_path / "rows.csv").write_text(out, newline="")
    with duckdb.connect() as connection:
        read = f"FROM read_csv('{tmp_path}/rows.csv', allow_quoted_nulls = false)"
        assert connection.execute(read).fetchall() == connection.execute(f"FROM {values}").fetchall()


def test_a_table_on_a_pipe_is_as_wide_as_its_cells(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT '中文' AS a, e'l\\nm' AS b, repeat('w', 300) AS c, 1e-8::DECIMAL(9, 8) AS d"
    first, second, third = printed(warehouse, sql, Format.TABLE, capsys).splitlines()
    assert first.split() == ["a", "b", "c", "d"]
    assert second == f"中文  l  {'w' * 300}  0.00000001"
    assert third == "      m"


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- nothing"])
def test_an_empty_query_is_wrong_usage(warehouse: Path, sql: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        query(warehouse, sql)


def test_a_query_that_fails_on_the_way_is_told_as_one(warehouse: Path) -> None:
    sql = "SELECT CASE WHEN range < 9000 THEN 1 ELSE error('boom') END FROM range(10000)"
    with pytest.raises(WarehouseError, match="boom"), stream_query(warehouse, sql) as answer:
        list(answer.rows)


def test_a_query_whole_has_its_rows_in_a_list(warehouse: Path) -> None:
    assert query(warehouse, "SELECT 1.5::DECIMAL(2, 1), NULL").rows == [(Decimal("1.5"), None)]
