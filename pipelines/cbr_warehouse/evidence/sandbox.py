"""The engine that runs the SQL of a pack: it has the raw records and reaches nothing else.

A pack may come from anybody. Its scripts may only make, fill and drop tables and views in memory; its
queries may only read. Files, network, extensions and settings are closed before any of it runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from cbr_warehouse.errors import EvidenceError, UsageError, WarehouseError
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.storage.without_pandas import without_pandas
from cbr_warehouse.warehouse.reading_statement import TABLE_FUNCTIONS, require_reading

_ENGINE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "allow_persistent_secrets": "false",
}

MEMORY_LIMIT = "4GB"
"""Of the engine; what does not fit is spilled to a folder that is removed."""

_PERMITTED = frozenset(
    (
        duckdb.StatementType.CREATE,
        duckdb.StatementType.INSERT,
        duckdb.StatementType.UPDATE,
        duckdb.StatementType.DELETE,
        duckdb.StatementType.DROP,
    )
)

_AT_ONCE = 2048

_Token = tuple[str, duckdb.token_type]
"""A token of a script with the space that follows it."""


@contextmanager
def open_sandbox(raw: Mapping[str, Path], spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens an engine with the raw tables in schema ``raw``, closed to everything else.

    Args:
        raw: The Parquet file of each raw table.
        spill: A folder for what does not fit in memory.

    Raises:
        EvidenceError: A file is no Parquet file.
    """
    connection = duckdb.connect(config=dict(_ENGINE))
    try:
        for statement in (
            f"SET temp_directory = {literal(spill)}",
            f"SET memory_limit = '{MEMORY_LIMIT}'",
            "SET threads = 1",  # sums of fractions depend on the order of their parts
            "ATTACH ':memory:' AS warehouse",
            "USE warehouse",
            "SET TimeZone = 'UTC'",
            "CREATE SCHEMA raw",
        ):
            connection.execute(statement)
        for name, path in sorted(raw.items()):
            _read_raw(connection, name, path)
        for statement in ("SET enable_external_access = false", "SET lock_configuration = true"):
            connection.execute(statement)
        with without_pandas():
            yield connection
    finally:
        connection.close()


def _read_raw(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    rows = f"read_parquet({literal(path)}, hive_partitioning = false)"
    try:
        connection.execute(f"CREATE TABLE raw.{identifier(name)} AS SELECT * FROM {rows}")
    except duckdb.Error as error:
        raise EvidenceError(f"{path.name}: cannot be read ({_first_line(error)}).") from error


def read_statements(connection: duckdb.DuckDBPyConnection, name: str, text: str) -> list[duckdb.Statement]:
    """The statements of a script of a pack, none of which has run.

    Args:
        connection: The sandbox.
        name: The script's name, for messages.
        text: The script.

    Raises:
        EvidenceError: It has a statement or calls a function that a script may not, or is no SQL.
    """
    tokens = [*_tokens(text)]
    try:
        # One by one: parsed together, statements with windows of equal names are refused.
        statements = [one for part in _split(tokens) for one in connection.extract_statements(part)]
        for statement in statements:
            if statement.type not in _PERMITTED:
                kind = statement.type.name
                raise EvidenceError(f"{name}: has a statement of kind {kind}, which no pack may run.")
        _require_harmless_functions(connection, name, tokens)
    except duckdb.Error as error:
        raise EvidenceError(f"{name}: failed: {_first_line(error)}") from error
    return statements


def run_statements(
    connection: duckdb.DuckDBPyConnection, name: str, statements: Iterable[duckdb.Statement]
) -> None:
    """Runs the statements of a script that ``read_statements`` gave.

    Raises:
        EvidenceError: One fails.
    """
    try:
        for statement in statements:
            connection.execute(statement)
    except duckdb.Error as error:
        raise EvidenceError(f"{name}: failed: {_first_line(error)}") from error


def stream_lines(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> Iterator[bytes]:
    """Runs a query of a pack and yields its rows, each as a line of JSON.

    Args:
        connection: The sandbox.
        name: The query's name, for messages.
        query: The query.

    Raises:
        EvidenceError: It is not one reading statement, or it fails.
    """
    try:
        require_reading(connection, query)
        cursor = connection.execute(
            f"SELECT to_json(r)::VARCHAR FROM (\n{query.rstrip().rstrip(';')}\n) AS r"
        )
        while rows := cursor.fetchmany(_AT_ONCE):
            for (line,) in rows:
                yield f"{line}\n".encode(errors="surrogatepass")
    except (duckdb.Error, WarehouseError, UsageError) as error:
        raise EvidenceError(f"{name}: failed: {_first_line(error)}") from error


def _require_harmless_functions(
    connection: duckdb.DuckDBPyConnection, name: str, tokens: Iterable[_Token]
) -> None:
    """Refuses calls of table functions that are not known to read the engine alone, such as ``read_csv``.

    What they would reach is closed as well; some of them could change how the engine runs what follows.
    """
    rows = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type IN ('table', 'pragma') AND internal"
    ).fetchall()
    refused = {function.lower() for (function,) in rows} - TABLE_FUNCTIONS
    if called := sorted(refused.intersection(_called(tokens))):
        raise EvidenceError(f"{name}: calls {', '.join(called)}, which no pack may.")


def _called(tokens: Iterable[_Token]) -> Iterator[str]:
    """Every name before an opening parenthesis, outside texts and comments."""
    before = ""
    for token, kind in tokens:
        word = token.strip()
        if not word:
            continue
        if word.startswith("(") and before:
            yield before
        is_text = kind == duckdb.token_type.string_const
        before = "" if is_text else word.split("--")[0].split("/*")[0].strip().strip('"').lower()


def _split(tokens: Iterable[_Token]) -> Iterator[str]:
    """The statements of a script: what semicolons outside texts and comments end."""
    part: list[str] = []
    for token, kind in tokens:
        part.append(token)
        if kind == duckdb.token_type.operator and token.startswith(";"):
            yield "".join(part)
            part = []
    if any(token.strip() for token in part):
        yield "".join(part)


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens of a text, each with the space that follows it; a comment is a line break."""
    content = text.encode()
    marks = duckdb.tokenize(text)
    ends = [at for at, _ in marks[1:]] + [len(content)]
    for (at, kind), end in zip(marks, ends, strict=True):
        is_comment = kind == duckdb.token_type.comment
        yield "\n" if is_comment else content[at:end].decode(errors="replace"), kind


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def count_raw(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, int]:
    """Rows of each raw table."""
    return {
        name: int(connection.execute(f"SELECT count(*) FROM raw.{identifier(name)}").fetchall()[0][0])
        for name in sorted(names)
    }
