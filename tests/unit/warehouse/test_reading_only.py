"""Nothing that is sent as a query changes a byte of the data directory, whatever DuckDB has to offer."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.warehouse import reading_statement
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.reading_statement import TABLE_FUNCTIONS, require_reading

pytestmark = pytest.mark.fault("statements that write")

READING = [
    "SELECT count(*) FROM tasks",
    "  -- a comment\n SELECT 1 ;",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "FROM tasks",
    "WITH t AS (FROM tasks) SELECT * FROM t",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r",
    "VALUES (1), (2)",
    "TABLE tasks",
    "DESCRIBE tasks",
    "DESCRIBE SELECT 1",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW tasks",
    "SUMMARIZE tasks",
    "SUMMARIZE SELECT * FROM tasks",
    "PIVOT tasks ON task_id IN ('a', 'b') USING count(*)",
    "UNPIVOT tasks ON task_id",
    "EXPLAIN SELECT 'ä' /* ( */ FROM tasks",
    "EXPLAIN ANALYZE FROM tasks",
    "explain (ANALYZE, FORMAT json) SELECT 1",
    "EXPLAIN (SELECT 1) UNION (SELECT 2)",
    "EXPLAIN SHOW TABLES",
    "FROM range(3) AS r, LATERAL (SELECT r.range)",
    "FROM duckdb_columns()",
    "FROM analytics.of('a')",
]

WRITING = {
    "INVALID": [],  # what the parser gives for nothing at all
    "SELECT": [
        # Reading by their kind, and yet with an effect outside the warehouse.
        "FROM enable_logging('QueryLog', storage = 'file', storage_path = '{folder}/log')",
        'SELECT * FROM system.main."Enable_Logging"()',
        "SELECT (SELECT count(*) FROM enable_logging())",
        "WITH t AS (FROM enable_logging()) FROM tasks, t",
        "FROM query('FROM enable_logging()')",
        "FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_logging()'))",
        "FROM read_blob('{file}')",
        "FROM '{folder}/other.csv'",
        "PRAGMA database_list",
        "PRAGMA table_info('tasks')",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM tasks",
    ],
    "INSERT": ["INSERT INTO tasks VALUES ('x')", "INSERT OR REPLACE INTO tasks FROM tasks"],
    "UPDATE": ["UPDATE tasks SET task_id = 'x'"],
    "CREATE": [
        "CREATE TABLE t (i INTEGER)",
        "CREATE TEMP TABLE t AS FROM tasks",
        "CREATE VIEW v AS SELECT 1",
        "CREATE SCHEMA s",
        "CREATE SEQUENCE s",
        "CREATE TYPE e AS ENUM ('a')",
        "CREATE INDEX i ON tasks (task_id)",
        "CREATE SECRET s (TYPE http)",
        "PIVOT tasks ON task_id USING count(*)",
    ],
    "DELETE": ["DELETE FROM tasks", "TRUNCATE tasks"],
    "PREPARE": ["PREPARE p AS DELETE FROM tasks"],
    "EXECUTE": ["EXECUTE p"],
    "ALTER": ["ALTER TABLE tasks ADD COLUMN c INTEGER", "COMMENT ON TABLE tasks IS 'x'"],
    "TRANSACTION": ["BEGIN", "COMMIT", "ROLLBACK"],
    "COPY": [
        "COPY (SELECT 1) TO '{file}' (FORMAT csv, USE_TMP_FILE false)",
        "COPY (SELECT 1) TO '{file}.wal' (FORMAT csv, USE_TMP_FILE false)",
        "COPY (SELECT 1) TO '{file}.tmp/x' (FORMAT csv)",
        "COPY tasks TO '{folder}/other.csv'",
        "COPY tasks FROM '{folder}/other.csv'",
    ],
    "ANALYZE": [],  # DuckDB 1.5 parses ANALYZE as VACUUM
    "VARIABLE_SET": [],  # SET VARIABLE is parsed as SET
    "CREATE_FUNC": ["CREATE MACRO f(a) AS a", "CREATE OR REPLACE TEMP MACRO range(n) AS TABLE FROM tasks"],
    "EXPLAIN": [
        "EXPLAIN ANALYZE DELETE FROM tasks",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT csv, USE_TMP_FILE false)",
        "EXPLAIN /* ( */ ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT csv, USE_TMP_FILE false)",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{file}' (FORMAT csv, USE_TMP_FILE false)",
        "EXPLAIN (ANALYZE, FORMAT json) INSERT INTO tasks VALUES ('x')",
        "EXPLAIN ANALYZE CALL enable_logging(storage = 'file', storage_path = '{folder}/log')",
        "EXPLAIN ANALYZE FROM enable_logging()",
        "EXPLAIN ANALYZE SET VARIABLE x = 1",
        "EXPLAIN DELETE FROM tasks",
        "EXPLAIN PIVOT tasks ON task_id USING count(*)",
        "EXPLAIN SELECT 1; DELETE FROM tasks",
    ],
    "DROP": ["DROP TABLE tasks", "DEALLOCATE p"],
    "EXPORT": ["EXPORT DATABASE '{folder}/export'"],
    "PRAGMA": ["PRAGMA enable_profiling", "PRAGMA force_checkpoint", "PRAGMA threads = 1"],
    "VACUUM": ["VACUUM", "ANALYZE"],
    "CALL": [
        "CALL enable_logging('QueryLog', storage = 'file', storage_path = '{folder}/log')",
        "CALL pragma_version()",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
    ],
    "SET": ["SET threads = 1", "RESET threads", "USE temp", "SET VARIABLE x = 1"],
    "LOAD": ["LOAD json", "INSTALL json", "INSTALL '{folder}/x.duckdb_extension'"],
    "RELATION": [],  # made by the Python API, never by the parser
    "EXTENSION": [],  # of parser extensions, of which none is loaded
    "LOGICAL_PLAN": [],  # made by other front ends, never by the parser
    "ATTACH": ["ATTACH ':memory:' AS m", "ATTACH '{file}' AS m", "ATTACH OR REPLACE '{file}' AS warehouse"],
    "DETACH": ["DETACH warehouse"],
    "MULTI": [
        "ATTACH ':memory:' AS m; USE m; DETACH warehouse; ATTACH '{file}' AS warehouse; DELETE FROM tasks"
    ],
    "COPY_DATABASE": ["COPY FROM DATABASE warehouse TO temp"],
    "MERGE_INTO": ["MERGE INTO tasks USING tasks AS t ON tasks.task_id = t.task_id WHEN MATCHED THEN DELETE"],
}
"""By DuckDB's name of a statement's kind: what must be refused."""

NOT_PARSED = ["IMPORT DATABASE '{folder}/export'", "PRAGMA import_database('{folder}')", "UPDATE EXTENSIONS"]
"""Statements that have no kind in Python: DuckDB stops earlier."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "other.csv").write_text("task_id\nx\n")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE tasks AS SELECT unnest(['a', 'b']) AS task_id")
        connection.execute("CREATE SCHEMA analytics")
        connection.execute(
            "CREATE MACRO analytics.of(id) AS TABLE FROM warehouse.main.tasks WHERE task_id = id"
        )
    return folder


@pytest.fixture
def unchanged(folder: Path) -> Iterator[Path]:
    """The data directory; fails the test that leaves it other than it was."""
    before = files_of(folder)
    yield folder
    assert files_of(folder) == before


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths} | {
        str(path.relative_to(folder)): b"folder" for path in folder.rglob("*") if path.is_dir()
    }


def all_writing() -> list[str]:
    return [statement for statements in WRITING.values() for statement in statements] + NOT_PARSED


def test_every_kind_of_statement_is_tried() -> None:
    """A kind that a later DuckDB adds fails here until it has its line above."""
    assert set(WRITING) == set(duckdb.StatementType.__members__)


@pytest.mark.parametrize("statement", READING)
def test_a_statement_that_reads_is_run(unchanged: Path, statement: str) -> None:
    assert query(unchanged / "warehouse.duckdb", statement).columns
    with open_warehouse(unchanged) as warehouse:
        assert len(warehouse.sql(statement).columns) > 0


@pytest.mark.parametrize("statement", all_writing())
def test_any_other_statement_is_refused_and_changes_nothing(unchanged: Path, statement: str) -> None:
    """``COPY … TO`` the warehouse left four bytes of it, with exit status 0."""
    sql = statement.format(folder=unchanged, file=unchanged / "warehouse.duckdb")
    with pytest.raises(WarehouseError, match="query failed"):
        query(unchanged / "warehouse.duckdb", sql)
    with open_warehouse(unchanged) as warehouse, pytest.raises(WarehouseError, match="query failed"):
        warehouse.sql(sql)


@pytest.mark.parametrize("kind", [kind for kind in WRITING if kind not in ("SELECT", "EXPLAIN")])
def test_the_engine_itself_lets_nothing_through(unchanged: Path, kind: str) -> None:
    """What statements are refused is one wall; this is the other, should the first have a hole."""
    for statement in WRITING[kind] + (NOT_PARSED if kind == "PRAGMA" else []):
        if "enable_logging" in statement:
            continue  # which no setting of the engine keeps from its effect
        with open_published(unchanged / "warehouse.duckdb") as connection, suppress(duckdb.Error):
            connection.execute(statement.format(folder=unchanged, file=unchanged / "warehouse.duckdb"))
        assert query(unchanged / "warehouse.duckdb", "SELECT count(*) FROM tasks").rows == [(2,)]


@pytest.mark.parametrize(
    "write",
    [
        lambda relation, path: relation.to_csv(str(path)),
        lambda relation, path: relation.to_parquet(str(path)),
        lambda relation, path: relation.query("r", f"COPY r TO '{path}' (FORMAT csv, USE_TMP_FILE false)"),
        lambda relation, path: relation.create("t"),
        lambda relation, path: relation.insert_into("tasks"),
    ],
)
def test_a_relation_writes_nothing_either(
    unchanged: Path, write: Callable[[duckdb.DuckDBPyRelation, Path], object]
) -> None:
    with open_warehouse(unchanged) as warehouse:
        relation = warehouse.sql("FROM tasks", as_="duckdb")
        with pytest.raises(duckdb.Error):
            write(relation, unchanged / "warehouse.duckdb")


def functions(kind: str) -> set[str]:
    with duckdb.connect() as connection:
        sql = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = $1"
        return {name for (name,) in connection.execute(sql, [kind]).fetchall()}


def test_every_table_function_is_listed_or_refused(unchanged: Path) -> None:
    """``enable_logging`` to a file ended the process; a function that is not listed is never called."""
    known = functions("table")
    assert known >= TABLE_FUNCTIONS
    assert {
        "enable_logging",
        "checkpoint",
        "query",
        "read_csv",
        "glob",
        "arrow_scan",
    } <= known - TABLE_FUNCTIONS
    for name in sorted(known - TABLE_FUNCTIONS):
        with pytest.raises(WarehouseError, match=f"function {name} is not permitted"):
            query(unchanged / "warehouse.duckdb", f"FROM {name}()")


def test_every_pragma_is_refused(unchanged: Path) -> None:
    for name in sorted(functions("pragma")):
        for form in (f"PRAGMA {name}", f"PRAGMA {name}('tasks')"):
            with pytest.raises(WarehouseError, match="query failed"):
                query(unchanged / "warehouse.duckdb", form)


def test_every_query_of_the_analytics_reads() -> None:
    with duckdb.connect() as connection:
        for definition in (*base_tables(), *views()):
            require_reading(connection, definition.body)


def test_what_is_refused_says_what_is_permitted(unchanged: Path) -> None:
    path = unchanged / "warehouse.duckdb"
    with pytest.raises(WarehouseError, match=r"DELETE statements are not permitted.* Use SELECT"):
        query(path, "/* now */ DELETE FROM tasks")
    with pytest.raises(WarehouseError, match="2 statements"):
        query(path, "SELECT 1; SELECT 2")
    with pytest.raises(WarehouseError, match=r"PIVOT .* IN \("):
        query(path, "PIVOT tasks ON task_id USING count(*)")


def test_a_query_does_not_find_the_variables_of_the_program(unchanged: Path) -> None:
    frame = duckdb.sql("SELECT 1 AS x").df()
    assert len(frame) == 1
    with open_warehouse(unchanged) as warehouse, pytest.raises(WarehouseError, match="query failed"):
        warehouse.sql("FROM frame")


def test_what_is_remembered_of_a_text_permits_nothing(unchanged: Path) -> None:
    """The second time too, after one that was permitted, and when too many texts are known."""
    path = unchanged / "warehouse.duckdb"
    for sql in ["SELECT 1", "FROM enable_logging()", "DELETE FROM tasks", "EXPLAIN DELETE FROM tasks"] * 2:
        if sql == "SELECT 1":
            assert query(path, sql).rows == [(1,)]
            continue
        with pytest.raises(WarehouseError, match=r"not permitted|permitted for a reading statement"):
            query(path, sql)
    with duckdb.connect() as connection:
        for number in range(reading_statement.MOST_KNOWN + 2):
            require_reading(connection, f"SELECT {number}")
    assert len(reading_statement._known) <= reading_statement.MOST_KNOWN
