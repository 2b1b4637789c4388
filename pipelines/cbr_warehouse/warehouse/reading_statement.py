"""Which statements may run on a published warehouse: a single reading one, as DuckDB's parser sees it.

The engine is restricted independently of this check (see ``open_published``).
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb

from cbr_warehouse.errors import UsageError, WarehouseError

READING = "SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN of one of these"

TABLE_FUNCTIONS = frozenset(
    (
        "duckdb_approx_database_count",
        "duckdb_columns",
        "duckdb_connection_count",
        "duckdb_constraints",
        "duckdb_coordinate_systems",
        "duckdb_databases",
        "duckdb_dependencies",
        "duckdb_extensions",
        "duckdb_external_file_cache",
        "duckdb_functions",
        "duckdb_indexes",
        "duckdb_keywords",
        "duckdb_log_contexts",
        "duckdb_logs",
        "duckdb_memory",
        "duckdb_optimizers",
        "duckdb_prepared_statements",
        "duckdb_schemas",
        "duckdb_secret_types",
        "duckdb_secrets",
        "duckdb_sequences",
        "duckdb_settings",
        "duckdb_table_sample",
        "duckdb_tables",
        "duckdb_temporary_files",
        "duckdb_types",
        "duckdb_variables",
        "duckdb_views",
        "generate_series",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_collations",
        "pragma_database_size",
        "pragma_metadata_info",
        "pragma_platform",
        "pragma_show",
        "pragma_storage_info",
        "pragma_table_info",
        "pragma_user_agent",
        "pragma_version",
        "query_table",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "test_vector_types",
        "unnest",
        "which_secret",
    )
)
"""DuckDB's table functions that only read, and only what is in the warehouse or the engine.

All others are refused: some write (``enable_logging``), some read files, and ``query`` and
``json_execute_serialized_sql`` run a text that this module does not see. One that a later DuckDB adds
is refused until it is listed here.
"""


MOST_KNOWN = 1000
LONGEST_KNOWN = 10_000
"""How many texts that were read are remembered, and how many characters the longest of them has."""

_known: dict[str, frozenset[str]] = {}
"""The table functions that a SELECT calls, by its text: it parses alike on every connection."""


def require_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raises unless the text is exactly one reading statement.

    Args:
        connection: The engine that would run it; its parser decides.
        sql: What the user wrote.

    Raises:
        UsageError: There is no statement.
        WarehouseError: More than one statement, another kind, or a call of a function that is not permitted.
        duckdb.Error: Syntax error.
    """
    called = _known.get(sql)
    if called is None:
        statements = connection.extract_statements(sql)
        if [statement.type for statement in statements] == [duckdb.StatementType.EXPLAIN]:
            _require_explained(connection, sql)
            return
        called = frozenset(_table_functions(_syntax_tree_of_one(connection, sql, statements)))
        _remember(sql, called)
    _require_reading_functions(connection, called)


def _remember(sql: str, called: frozenset[str]) -> None:
    if len(sql) > LONGEST_KNOWN:
        return
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[sql] = called


def _syntax_tree_of_one(
    connection: duckdb.DuckDBPyConnection, sql: str, statements: list[duckdb.Statement]
) -> Any:
    """The syntax tree of a text that is one reading statement; raises for all others."""
    if not statements:
        raise UsageError('The query is empty. Write one, such as "SELECT count(*) FROM tasks".')
    kinds = [statement.type for statement in statements]
    if len(kinds) > 1 and not statements[0].query:  # the parser made several of one
        raise WarehouseError(
            "The query failed: DuckDB runs this as several statements, and some of them write. "
            "Name a PIVOT's values: PIVOT tasks ON status IN ('success', 'failed') USING count(*)."
        )
    if len(kinds) > 1:
        raise WarehouseError(
            f"The query failed: there are {len(kinds)} statements. Run them one by one; each is {READING}."
        )
    tree = _syntax_tree(connection, sql)
    if kinds != [duckdb.StatementType.SELECT] or tree is None:
        raise WarehouseError(
            f"The query failed: {_first_word(sql)} statements are not permitted, the warehouse is read-only. "
            f"Use {READING}."
        )
    return tree


def _require_explained(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """EXPLAIN ANALYZE runs what it explains, so that has to be a reading statement itself."""
    refused: Exception | None = None
    for explained in _explained(sql):
        try:
            statements = connection.extract_statements(explained)
            if [statement.type for statement in statements] != [duckdb.StatementType.EXPLAIN]:
                require_reading(connection, explained)
                return
        except (duckdb.Error, WarehouseError, UsageError) as error:
            refused = refused or error
    if isinstance(refused, WarehouseError):
        raise refused
    raise WarehouseError(
        f"The query failed: EXPLAIN is permitted for a reading statement only. Use {READING}."
    )


def _explained(sql: str) -> Iterator[str]:
    """What an EXPLAIN may explain: what follows the word, its ANALYZE and its options in parentheses."""
    tokens = _tokens(sql)
    at = 1
    if at < len(tokens) and tokens[at][1].upper() in ("ANALYZE", "ANALYSE"):
        at += 1
    rest = tokens[at:]
    depth = 0
    for (_, word), (after, _) in pairwise(rest):
        depth += word.count("(") - word.count(")")
        if depth <= 0:
            if word.endswith(")"):
                yield sql.encode()[after:].decode()
            break
    if rest:
        yield sql.encode()[rest[0][0] :].decode()


def _tokens(sql: str) -> list[tuple[int, str]]:
    """The tokens of a statement without comments: where each begins, in bytes of UTF-8, and its text."""
    text = sql.encode()
    marks = duckdb.tokenize(sql)
    ends = [at for at, _ in marks[1:]] + [len(text)]
    comment = duckdb.token_type.comment
    return [
        (at, text[at:end].decode(errors="replace").strip())
        for (at, kind), end in zip(marks, ends, strict=True)
        if kind != comment
    ]


def _first_word(sql: str) -> str:
    return _tokens(sql)[0][1].split()[0].upper()


def _syntax_tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The statement as DuckDB's parser has it; None for one that is not a SELECT, such as PRAGMA."""
    ((text,),) = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()
    found = json.loads(text)
    return None if found["error"] else found["statements"]


def _require_reading_functions(connection: duckdb.DuckDBPyConnection, called: frozenset[str]) -> None:
    for name in sorted(called - TABLE_FUNCTIONS):
        query = "SELECT 1 FROM duckdb_functions() WHERE function_name = $1 AND function_type <> 'table_macro'"
        if connection.execute(query, [name]).fetchall():
            raise WarehouseError(
                f"The query failed: the function {name} is not permitted, because it may reach outside the "
                "warehouse. Query its tables and views."
            )


def _table_functions(tree: Any) -> Iterator[str]:
    """Names of the table functions that a syntax tree calls, at any depth."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            if node.get("type") == "TABLE_FUNCTION":
                yield node["function"]["function_name"].lower()
            waiting.extend(node.values())
