"""A warehouse in memory with its analytics, built from rows: what ``support.small_log`` opens."""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa

from cbr_warehouse.analytics import build, create_schema
from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.warehouse.ddl import create_statements
from support.kept_folder import kept_folder

IN_MEMORY = ":memory:"

Rows = Sequence[Mapping[str, Any]]

_EMPTY: dict[str, Path] = {}
"""Warehouses without rows by settings."""


_NAMES = re.compile(r"\banalytics\.(\w+)")


class Analytics:
    """A built warehouse in memory, in which a view is created when it is first asked for, with all it reads.

    To create them all takes longer than all else, and most tests read one or two.

    Args:
        connection: The warehouse with its base tables.
        is_whole: Whether it has every view already.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_whole: bool) -> None:
        self._connection = connection
        self._missing = {} if is_whole else {view.name: view for view in views()}

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, with every view."""
        self._create(self._missing)
        return self._connection

    @property
    def without_views(self) -> duckdb.DuckDBPyConnection:
        """The connection, with the views alone that were asked for so far."""
        return self._connection

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        self._create(_NAMES.findall(sql))
        found = self._connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _create(self, names: Iterable[str]) -> None:
        wanted, rest = set[str](), [*names]
        while rest:
            view = self._missing.get(rest.pop())
            if view is not None and view.name not in wanted:
                wanted.add(view.name)
                rest += view.needs
        chosen = [view for name, view in self._missing.items() if name in wanted]
        with patch.object(create_schema, "views", lambda: chosen):
            create_schema.create_views(self._connection, has_comments=False)
        for name in wanted:
            del self._missing[name]

    def rows(self, view: str, where: str = "true", order: str = "ALL") -> list[dict[str, Any]]:
        """Rows of a view (or of a macro with its arguments), in a fixed order."""
        return self.query(f"SELECT * FROM analytics.{view} WHERE {where} ORDER BY {order}")

    def row(self, view: str, where: str = "true") -> dict[str, Any]:
        """The only row of a view."""
        found = self.rows(view, where)
        assert len(found) == 1, found
        return found[0]


def open_analytics(
    tables: Mapping[str, Rows],
    settings: AnalyticsSettings,
    place: Path | None = None,
    *,
    comments: bool = False,
) -> Analytics:
    """Builds a warehouse and its analytics from rows of the contract's tables.

    Args:
        tables: The rows.
        settings: The settings of the analytics.
        place: The file to build; it has every view. In memory if None.
        comments: Whether views and their columns have comments.
    """
    made_before: dict[str, Any] = {"create_views": _do_nothing}
    if place is not None:
        shutil.copyfile(_empty_file(settings, comments=comments), place)
        made_before |= {"create_schema": _do_nothing, "_stored_fingerprint": _do_nothing}
    connection = _attach(place or IN_MEMORY)
    if place is None:
        create_tables(connection)
    for table in read_contract().tables:
        if rows := tables.get(table.name):
            _insert(connection, table.name, [column.name for column in table.columns], rows)
    with patch.multiple(build, **made_before):
        build.bring_up(connection, settings, (), has_comments=comments)
    connection.execute("COMMIT")
    return Analytics(connection, is_whole=place is not None)


def _empty_file(settings: AnalyticsSettings, *, comments: bool) -> Path:
    """A warehouse without a row and with every view, built once a process: views take the longest."""
    key = repr((settings, comments))
    if key not in _EMPTY:
        place = kept_folder("cbr-empty-") / "warehouse.duckdb"
        connection = _attach(place)
        create_tables(connection)
        build.bring_up(connection, settings, (), has_comments=comments)
        connection.execute("COMMIT")
        connection.close()
        _EMPTY[key] = place
    return _EMPTY[key]


def _attach(place: Path | str) -> duckdb.DuckDBPyConnection:
    """A connection in a transaction: else each statement waits for the disk."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{place}' AS warehouse")
    connection.execute("USE warehouse")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("BEGIN")
    return connection


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of the contract, without comments."""
    for statement in create_statements(read_contract()):
        if not statement.startswith("COMMENT"):
            connection.execute(statement)


def _do_nothing(*_words: object, **_options: object) -> None:
    pass


def _insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Rows) -> None:
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, f"{table} has no column {unknown}"
    held = {column: [row.get(column) for row in rows] for column in columns}
    connection.register("rows_told", pa.table(held))
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_told")
    connection.unregister("rows_told")
