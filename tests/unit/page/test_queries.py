"""The page's queries: each reads, runs with and without its optional lines, and can be copied."""

from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.page.parameters import Filters
from cbr_warehouse.page.queries import Value, read_query, sql_value
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.reading_statement import require_reading
from support.hostile_text import HOSTILE
from support.small_log import SmallLog

NAMES = sorted(one.name.removesuffix(".sql") for one in files("cbr_warehouse.page").joinpath("sql").iterdir())
KEY = {"source": "main", "id": "disk", "day": date(2026, 3, 9)}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = SmallLog().cover("2026-03-08", "2026-03-09")
    log.daily("disk", "2026-03-05 01:00", 4)
    log.backup("disk", "2026-03-09 01:00", status="failed", error_code="BackupService.9910")
    return log.publish(tmp_path_factory.mktemp("page") / "warehouse.duckdb", comments=True)


def all_given() -> dict[str, Value | None]:
    texts = dict.fromkeys(
        ("source", "vault", "policy", "type", "resource", "code", "operation", "outcome", "verdict", "id"),
        "x",
    )
    return Filters(**texts, in_vault="x", day=date(2026, 3, 9)).sql(date(2026, 3, 9))


@pytest.mark.parametrize("name", NAMES)
def test_each_query_reads_and_runs_as_it_is_shown(published: Path, name: str) -> None:
    found = read_query(name)
    few = Filters().sql(date(2026, 3, 9)) | KEY
    with open_published(published) as connection:
        for given in (few, all_given(), all_given() | {"source": HOSTILE, "vault": HOSTILE}):
            statement = found.statement(given)
            assert "-- if" not in statement
            require_reading(connection, found.filled(given))
            bound = connection.execute(statement, found.used(given)).fetchall()
            assert query(published, found.filled(given)).rows == bound


@pytest.mark.parametrize("name", NAMES)
def test_each_query_names_what_it_reads(published: Path, name: str) -> None:
    rows = query(
        published,
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
        "UNION SELECT schema_name || '.' || view_name FROM duckdb_views()",
    ).rows
    views = read_query(name).views
    assert set(views) <= {row[0] for row in rows}
    assert views or name.startswith("relation")


@pytest.mark.fault("hostile text")
@pytest.mark.parametrize(
    "text", [HOSTILE, "", "it's", "$source", "' || chr(27)", "\u202e", "\n", "\U000e0041"]
)
def test_a_text_is_copied_exactly_and_visibly(text: str) -> None:
    written = sql_value(text)
    assert all(one.isprintable() or one == "\u3000" for one in written)
    assert duckdb.sql(f"SELECT {written}").fetchall() == [(text,)]


def test_a_value_is_not_taken_for_a_parameter() -> None:
    statement = read_query("task").filled({"source": "$id", "id": "$source"})
    assert "source = '$id'" in statement
    assert "task_id = '$source'" in statement


def test_other_values_keep_their_type() -> None:
    values = [date(2026, 3, 9), datetime(2026, 3, 9, 1, tzinfo=UTC), 7, None]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT {', '.join(map(sql_value, values))}").fetchall()
    assert found == [tuple(values)]
