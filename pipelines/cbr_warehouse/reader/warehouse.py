"""A published warehouse, opened for reading, that answers with frames, Arrow tables or relations.

The queries of rows are in ``selection``, the forms of a result in ``formats``.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import duckdb
import pandas as pd
import pyarrow as pa

from cbr_warehouse.analytics.catalogue import views as read_views
from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.reader.describe import describe, describe_as_html
from cbr_warehouse.reader.formats import As, convert, require_known_form
from cbr_warehouse.reader.selection import Moment, Selection, Value
from cbr_warehouse.reader.views import Macro, View
from cbr_warehouse.remote.place import bring_up_for_reading, directory_at
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.open_published import PublishedWarehouse, connect_published
from cbr_warehouse.warehouse.place import LakeAddress, as_lake
from cbr_warehouse.warehouse.query import query_failed, read_watermark
from cbr_warehouse.warehouse.reading_statement import require_reading

logger = logging.getLogger(__name__)


def open_warehouse(path: str | PathLike[str] | LakeAddress = "data") -> "Warehouse":
    """Opens the published warehouse of a data directory.

    Args:
        path: The data directory, or the ``.duckdb`` file itself; also ``s3://bucket/prefix``, with
            credentials and endpoint in the environment (AWS_ACCESS_KEY_ID and so on); or what the setting
            ``warehouse`` has, such as ``ducklake:postgres:host=db dbname=cbr password=env:NAME``.

    Returns:
        The warehouse; use it in a ``with`` block, or close it. To see what a later load published, open it
        again.

    Raises:
        FormatError: A newer version wrote the data directory.
        StorageError: The store refused something.
        UsageError: The address of a DuckLake is wrong, or what it needs is not installed.
        WarehouseError: The file is missing or cannot be read, or PostgreSQL cannot be reached.
    """
    if isinstance(path, LakeAddress):
        return Warehouse(connect_published(path))
    if (lake := as_lake(path)) is not None:
        return Warehouse(connect_published(lake))
    if isinstance(path, str) and path.startswith("s3://"):
        directory = directory_at(path)
        bring_up_for_reading(directory, logger.warning, published_only=True)
        place = directory.root
    else:
        place = Path(path)
    if place.is_dir():
        require_known_format(DataDirectory(place))
    return Warehouse(connect_published(place / "warehouse.duckdb" if place.is_dir() else place))


class Warehouse:
    """A consistent snapshot of the warehouse.

    Its views, macros and tables are attributes: ``wh.protection_coverage`` explains itself, and
    ``wh.protection_coverage()`` gives its rows.

    Args:
        opened: The open file, which this closes.
    """

    def __init__(self, opened: PublishedWarehouse) -> None:
        self._opened = opened
        self._connection = opened.connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._opened.close()

    @property
    def as_of(self) -> datetime | None:
        """The watermark, UTC: until when every source not excluded was loaded; None before any load."""
        with _require_analytics():
            return read_watermark(self._connection)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the analytics in this warehouse."""
        with _require_analytics():
            cursor = self._connection.execute("SELECT * FROM analytics.settings")
        names = [column[0] for column in cursor.description or []]
        return dict(zip(names, cursor.fetchall()[0], strict=True))

    def names(self) -> pd.DataFrame:
        """All tables, views and macros: ``schema``, ``name``, ``kind``, ``arguments``, ``comment``."""
        frame: pd.DataFrame = self.sql(
            "SELECT schema_name AS schema, table_name AS name, 'table' AS kind, NULL AS arguments, comment "
            "FROM duckdb_tables() WHERE schema_name IN ('main', 'analytics') UNION ALL "
            "SELECT schema_name, view_name, 'view', NULL, comment FROM duckdb_views() "
            "WHERE schema_name = 'analytics' UNION ALL "
            "SELECT schema_name, function_name, 'macro', array_to_string(parameters, ', '), comment "
            "FROM duckdb_functions() WHERE schema_name = 'analytics' AND function_type = 'table_macro' "
            "ORDER BY 1 DESC, 3, 2"
        )
        macros = {one.name: one.comment for one in read_views() if one.kind == "macro"}
        frame["comment"] = frame["comment"].fillna(frame["name"].map(macros))
        return frame

    @overload
    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, as_: Literal["pandas"] = "pandas"
    ) -> pd.DataFrame: ...
    @overload
    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, *, as_: Literal["arrow"]
    ) -> pa.Table: ...
    @overload
    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, *, as_: Literal["duckdb"]
    ) -> duckdb.DuckDBPyRelation: ...
    @overload
    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, *, as_: Literal["polars"]
    ) -> Any: ...
    def sql(self, query: str, parameters: Mapping[str, Any] | None = None, as_: As = "pandas") -> Any:
        """Runs a query.

        Args:
            query: One reading SQL statement; parameters are written ``$name``.
            parameters: Their values by name.
            as_: ``pandas`` (times are UTC-aware), ``polars``, ``arrow``, or ``duckdb`` for a relation that
                is not run yet and lives as long as this warehouse is open.

        Raises:
            UsageError: ``as_`` has another value, or polars is not installed.
            WarehouseError: The query failed, or is not one reading statement.
        """
        require_known_form(as_)
        try:
            require_reading(self._connection, query)
            return convert(self._connection.sql(query, params=dict(parameters or {})), as_)
        except duckdb.Error as error:
            raise query_failed(self._opened.place, error) from error

    @overload
    def view(
        self,
        name: str,
        as_: Literal["pandas"] = "pandas",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> pd.DataFrame: ...
    @overload
    def view(
        self,
        name: str,
        as_: Literal["arrow"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> pa.Table: ...
    @overload
    def view(
        self,
        name: str,
        as_: Literal["duckdb"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> duckdb.DuckDBPyRelation: ...
    @overload
    def view(
        self,
        name: str,
        as_: Literal["polars"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> Any: ...
    def view(
        self,
        name: str,
        as_: As = "pandas",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> Any:
        """Rows of a view or base table of schema ``analytics``; those of days in order.

        Args:
            name: Its name, such as ``protection_coverage``.
            as_: ``pandas``, ``polars``, ``arrow`` or ``duckdb``.
            since: Only at or after this time, by its day or else its first time; ``7d`` counts back from
                the watermark.
            until: Only before this time.
            where: Values by column, each one or a list: ``resource_type=["OS::Nova::Server"]``.

        Raises:
            UsageError: Unknown view, column or time; the message lists the existing ones.
        """
        return self._select("analytics", name, as_, since, until, where)

    @overload
    def table(
        self,
        name: str,
        as_: Literal["pandas"] = "pandas",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> pd.DataFrame: ...
    @overload
    def table(
        self,
        name: str,
        as_: Literal["arrow"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> pa.Table: ...
    @overload
    def table(
        self,
        name: str,
        as_: Literal["duckdb"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> duckdb.DuckDBPyRelation: ...
    @overload
    def table(
        self,
        name: str,
        as_: Literal["polars"],
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> Any: ...
    def table(
        self,
        name: str,
        as_: As = "pandas",
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        **where: Value,
    ) -> Any:
        """Rows of a table of the warehouse: ``tasks``, ``resources``, ``coverage`` and more.

        Args:
            name: Its name.
            as_: ``pandas``, ``polars``, ``arrow`` or ``duckdb``.
            since: Only at or after this time; ``7d`` counts back from the watermark.
            until: Only before this time.
            where: Values by column, each one or a list.

        Raises:
            UsageError: Unknown table, column or time; the message lists the existing ones.
        """
        return self._select("main", name, as_, since, until, where)

    def tasks(
        self,
        since: Moment | None = None,
        until: Moment | None = None,
        *,
        source: str | Collection[str] | None = None,
        operation_type: str | Collection[str] | None = None,
        status: str | Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Tasks in their newest version, ordered by ``created_at``.

        Args:
            since: Created at or after; without a zone it is UTC, a string is ISO 8601 or a duration before
                the watermark such as ``7d``.
            until: Created before.
            source: Only of this source, or of these.
            operation_type: Only of this type, or of these.
            status: Only in this status, or in these.

        Raises:
            UsageError: ``since`` or ``until`` is not a time.
        """
        wanted = {"source": source, "operation_type": operation_type, "status": status}
        given = {column: value for column, value in wanted.items() if value is not None}
        query, parameters = self._selection("main", "tasks").query(since, until, given, self._now)
        return self.sql(f"SELECT * {query} ORDER BY created_at, task_id", parameters)

    def __getattr__(self, name: str) -> View:
        """A view, macro or table as an object that explains itself and gives its rows."""
        if name.startswith("_"):
            raise AttributeError(name)
        for schema, found, kind, arguments, comment in self._names():
            if found == name:
                if kind == "macro":
                    return Macro(schema, name, arguments, partial(self._call, schema, name))
                ask = self.view if schema == "analytics" else self.table
                return View(schema, name, comment if isinstance(comment, str) else "", partial(ask, name))
        raise AttributeError(f"There is no {name!r} in this warehouse; names() lists all there is.")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(row[1] for row in self._names())})

    def __repr__(self) -> str:
        return describe(self._opened)

    def _repr_html_(self) -> str:
        return describe_as_html(self._opened)

    def _now(self) -> datetime:
        return self.as_of or datetime.now(UTC)

    def _names(self) -> list[tuple[Any, ...]]:
        frame = self.names()
        return list(
            zip(*(frame[key] for key in ("schema", "name", "kind", "arguments", "comment")), strict=True)
        )

    def _call(self, schema: str, name: str, *arguments: Any, as_: As = "pandas") -> Any:
        places = ", ".join(f"$value_{number}" for number in range(len(arguments)))
        values = {f"value_{number}": value for number, value in enumerate(arguments)}
        return self.sql(f"FROM {identifier(schema)}.{identifier(name)}({places})", values, as_=as_)

    def _select(
        self,
        schema: str,
        name: str,
        as_: As,
        since: Moment | None,
        until: Moment | None,
        where: Mapping[str, Value],
    ) -> Any:
        query, parameters = self._selection(schema, name).query(since, until, where, self._now)
        return self.sql(query, parameters, as_=as_)

    def _selection(self, schema: str, name: str) -> Selection:
        rows = self._connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = $1 AND NOT internal ORDER BY table_name, column_index",
            [schema],
        ).fetchall()
        known = list(dict.fromkeys(row[0] for row in rows))
        if name not in known:
            raise self._no_such(schema, name, known)
        return Selection(schema, name, {row[1]: row[2] for row in rows if row[0] == name})

    def _no_such(self, schema: str, name: str, known: list[str]) -> UsageError | WarehouseError:
        if not known:
            return WarehouseError(_OF_ANOTHER_VERSION)
        macros = self._connection.execute(
            "SELECT array_to_string(parameters, ', ') FROM duckdb_functions() "
            "WHERE schema_name = $1 AND function_name = $2 AND function_type = 'table_macro'",
            [schema, name],
        ).fetchall()
        if macros:
            call = f"FROM {schema}.{name}({macros[0][0]})"
            return UsageError(f"{schema}.{name} is a macro and takes arguments. Query it with sql({call!r}).")
        return UsageError(f"There is no {schema}.{name} in this warehouse. There are: {', '.join(known)}.")


_OF_ANOTHER_VERSION = (
    "The warehouse has no analytics, or those of another version. Rebuild it with 'cbr-warehouse rebuild'."
)


@contextmanager
def _require_analytics() -> Iterator[None]:
    try:
        yield
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(_OF_ANOTHER_VERSION) from error
