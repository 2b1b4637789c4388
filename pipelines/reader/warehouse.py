"""A published warehouse, opened for reading, that answers with pandas frames, Arrow tables or relations."""

import warnings
from collections.abc import Mapping
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import duckdb
import pandas as pd
import pyarrow as pa

from pipelines.errors import UsageError, WarehouseError
from pipelines.warehouse.read import connect_published, read_watermark

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
        WarehouseError: There is none, or it is unreadable.
    """
    place = Path(path)
    return Warehouse(connect_published(place / "warehouse.duckdb" if place.is_dir() else place))


class Warehouse:
    """A whole, unchanging picture of the warehouse.

    Args:
        connection: The read-only connection that it will own.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    @property
    def as_of(self) -> datetime | None:
        """The watermark, UTC: up to when every source was loaded; None before the first finished load."""
        return read_watermark(self._connection)

    @property
    def settings(self) -> dict[str, Any]:
        """What the analytics of this warehouse were set to."""
        cursor = self._connection.execute("SELECT * FROM analytics.settings")
        names = [column[0] for column in cursor.description or []]
        return dict(zip(names, cursor.fetchall()[0], strict=True))

    def names(self) -> pd.DataFrame:
        """All tables and views with what they are: columns ``schema``, ``name``, ``kind``, ``comment``."""
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
            query: SQL; values stand as ``$name``.
            parameters: Those values.
            as_: ``pandas`` (times are UTC-aware), ``arrow``, or ``duckdb`` for a relation that is not run yet
                and lives as long as this warehouse is open.

        Raises:
            WarehouseError: The query failed.
        """
        try:
            relation = self._connection.sql(query, params=dict(parameters or {}))
            if as_ == "duckdb":
                return relation
            return relation.to_arrow_table() if as_ == "arrow" else _frame(relation)
        except duckdb.Error as error:
            raise WarehouseError(f"The query failed: {error}") from error

    @overload
    def view(self, name: str, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
    @overload
    def view(self, name: str, as_: Literal["arrow"]) -> pa.Table: ...
    @overload
    def view(self, name: str, as_: Literal["duckdb"]) -> duckdb.DuckDBPyRelation: ...
    def view(self, name: str, as_: As = "pandas") -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        """A view or base table of schema ``analytics``, whole.

        Args:
            name: Its name, such as ``protection_coverage``.
            as_: ``pandas``, ``arrow`` or ``duckdb``.

        Raises:
            UsageError: There is no such view; the message names those that there are.
        """
        return self._whole("analytics", name, as_)

    @overload
    def table(self, name: str, as_: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
    @overload
    def table(self, name: str, as_: Literal["arrow"]) -> pa.Table: ...
    @overload
    def table(self, name: str, as_: Literal["duckdb"]) -> duckdb.DuckDBPyRelation: ...
    def table(self, name: str, as_: As = "pandas") -> pd.DataFrame | pa.Table | duckdb.DuckDBPyRelation:
        """A table of the warehouse, whole: ``tasks``, ``resources``, ``coverage`` and more.

        Args:
            name: Its name.
            as_: ``pandas``, ``arrow`` or ``duckdb``.

        Raises:
            UsageError: There is no such table; the message names those that there are.
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
        """Tasks as held, newest version of each, ordered by ``created_at``.

        Args:
            since: Created at or after; a date is its first moment in UTC, a text is read as RFC 3339.
            until: Created before.
            source: Only of this source.
            operation_type: Only of this type.
            status: Only in this status.
        """
        wanted = {
            "created_at >= $since::TIMESTAMPTZ": ("since", None if since is None else str(since)),
            "created_at < $until::TIMESTAMPTZ": ("until", None if until is None else str(until)),
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
            raise UsageError(f"There is no {schema}.{name} in this warehouse. There are: {', '.join(known)}.")
        query = f'SELECT * FROM {schema}."{name}"'
        if as_ == "arrow":
            return self.sql(query, as_="arrow")
        return self.sql(query, as_="duckdb") if as_ == "duckdb" else self.sql(query)


def _frame(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    with warnings.catch_warnings():
        # DuckDB 1.5 makes frames with a dates column in a way that pandas 4 will have no more.
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        return relation.df()
