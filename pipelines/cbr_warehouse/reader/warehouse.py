"""A published warehouse, opened for reading, that answers with pandas frames, Arrow tables or relations."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args, overload

import duckdb
import pandas as pd
import pyarrow as pa

from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.warehouse.open_published import PublishedWarehouse, connect_published
from cbr_warehouse.warehouse.query import query_failed, read_watermark
from cbr_warehouse.warehouse.reading_statement import require_reading

As = Literal["pandas", "arrow", "duckdb"]
Moment = datetime | date | str


def open_warehouse(path: str | PathLike[str] = "data") -> "Warehouse":
    """Opens the published warehouse of a data directory.

    Args:
        path: The data directory, or the ``.duckdb`` file itself.

    Returns:
        The warehouse; use it in a ``with`` block, or close it. To see what a later load published, open it
        again.

    Raises:
        FormatError: A newer version wrote the data directory.
        WarehouseError: The file is missing or cannot be read.
    """
    place = Path(path)
    if place.is_dir():
        require_known_format(DataDirectory(place))
    return Warehouse(connect_published(place / "warehouse.duckdb" if place.is_dir() else place))


class Warehouse:
    """A consistent snapshot of the warehouse.

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
        """All tables and views: columns ``schema``, ``name``, ``kind``, ``comment``."""
        return self.sql(
            "SELECT schema_name AS schema, table_name AS name, 'table' AS kind, comment FROM duckdb_tables() "
            "WHERE schema_name IN ('main', 'analytics') UNION ALL "
            "SELECT schema_name, view_name, 'view', comment FROM duckdb_views() "
            "WHERE schema_name = 'analytics' ORDER BY 1 DESC, 3, 2"
        )

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
    def sql(
        self, query: str, parameters: Mapping[str, Any] | None = None, as_: As = "pandas"
    ) -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        """Runs a query.

        Args:
            query: One reading SQL statement; parameters are written ``$name``.
            parameters: Their values by name.
            as_: ``pandas`` (times are UTC-aware), ``arrow``, or ``duckdb`` for a relation that is not run yet
                and lives as long as this warehouse is open.

        Raises:
            UsageError: ``as_`` has another value.
            WarehouseError: The query failed, or is not one reading statement.
        """
        return self._query(query, parameters, as_)

    @overload
    def view(self, name: str, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
    @overload
    def view(self, name: str, as_: Literal["arrow"]) -> pa.Table: ...
    @overload
    def view(self, name: str, as_: Literal["duckdb"]) -> duckdb.DuckDBPyRelation: ...
    def view(self, name: str, as_: As = "pandas") -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        """All rows of a view or base table of schema ``analytics``.

        Args:
            name: Its name, such as ``protection_coverage``.
            as_: ``pandas``, ``arrow`` or ``duckdb``.

        Raises:
            UsageError: Unknown view; the message lists the existing ones.
        """
        return self._whole("analytics", name, as_)

    @overload
    def table(self, name: str, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
    @overload
    def table(self, name: str, as_: Literal["arrow"]) -> pa.Table: ...
    @overload
    def table(self, name: str, as_: Literal["duckdb"]) -> duckdb.DuckDBPyRelation: ...
    def table(self, name: str, as_: As = "pandas") -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        """All rows of a table of the warehouse: ``tasks``, ``resources``, ``coverage`` and more.

        Args:
            name: Its name.
            as_: ``pandas``, ``arrow`` or ``duckdb``.

        Raises:
            UsageError: Unknown table; the message lists the existing ones.
        """
        return self._whole("main", name, as_)

    def tasks(
        self,
        since: Moment | None = None,
        until: Moment | None = None,
        *,
        source: str | None = None,
        operation_type: str | None = None,
        status: str | None = None,
    ) -> pd.DataFrame:
        """Tasks in their newest version, ordered by ``created_at``.

        Args:
            since: Created at or after; without a zone it is UTC, a string is ISO 8601.
            until: Created before.
            source: Only of this source.
            operation_type: Only of this type.
            status: Only in this status.

        Raises:
            UsageError: ``since`` or ``until`` is not a time.
        """
        wanted = {
            "created_at >= $since::TIMESTAMPTZ": ("since", _moment("since", since)),
            "created_at < $until::TIMESTAMPTZ": ("until", _moment("until", until)),
            "source = $source": ("source", source),
            "operation_type = $operation_type": ("operation_type", operation_type),
            "status = $status": ("status", status),
        }
        given = {text: pair for text, pair in wanted.items() if pair[1] is not None}
        where = " AND ".join(given) or "true"
        return self.sql(
            f"SELECT * FROM tasks WHERE {where} ORDER BY created_at, task_id",
            dict(given.values()),
        )

    def _whole(self, schema: str, name: str, as_: As) -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        rows = self._connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1", [schema]
        ).fetchall()
        known = [row[0] for row in rows]
        if name not in known:
            raise self._no_such(schema, name, known)
        return self._query(f"SELECT * FROM {identifier(schema)}.{identifier(name)}", None, as_)

    def _query(
        self, query: str, parameters: Mapping[str, Any] | None, as_: As
    ) -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        if as_ not in get_args(As):
            raise UsageError(f"as_ {as_!r}: not known. Allowed: {', '.join(get_args(As))}.")
        try:
            require_reading(self._connection, query)
            relation = self._connection.sql(query, params=dict(parameters or {}))
            if as_ == "duckdb":
                return relation
            return relation.to_arrow_table() if as_ == "arrow" else _frame(relation)
        except duckdb.Error as error:
            raise query_failed(self._opened.path, error) from error

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


def _moment(name: str, given: Moment | None) -> str | None:
    """A time as text for DuckDB; without a zone it is UTC."""
    if given is None:
        return None
    try:
        return datetime.fromisoformat(str(given)).isoformat()
    except ValueError as error:
        raise UsageError(
            f"{name} {given!r} is not a time. Give a date, a datetime, or a string such as "
            "2026-11-24 or 2026-11-24T06:00:00Z."
        ) from error


def _frame(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    with warnings.catch_warnings():
        # DuckDB 1.5 makes frames with a dates column in a way that pandas 4 will have no more.
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        return relation.df()
