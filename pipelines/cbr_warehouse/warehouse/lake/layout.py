"""What a warehouse file has, as it is laid out in a DuckLake: tables and their parts, views, macros.

Tables are as the file has them, views and macros as they are defined. Two things differ. Parquet keeps an
interval to the millisecond, so that columns of intervals are stored as text, in a table of schema ``stored``
under a view of the table's name. And DuckLake has no comments for columns of views.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import duckdb

from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.storage.sql_text import identifier, literal

PARTS = "lake.parts"
"""The table with the number of rows and a hash of each part of each table."""

DEFINITIONS = "lake.definitions"
"""The table with a hash of what created each table, and all views, and the statements that remove it."""

PUBLICATION = "lake.publication"
"""The table with one row: which file was published."""

OWN_TABLES = {
    PARTS: 'table_name VARCHAR, source VARCHAR, "day" VARCHAR, rows BIGINT, hash VARCHAR',
    DEFINITIONS: "name VARCHAR, hash VARCHAR, removal VARCHAR",
    PUBLICATION: "checksum VARCHAR",
}
"""Columns of the tables that no file has, by name."""

ALL_VIEWS = "views"
"""Name of all views and macros in ``lake.definitions``."""

_STORED_AS_TEXT = "INTERVAL"
_PRINTED_EXACTLY = (_STORED_AS_TEXT, "DOUBLE")
"""Types of which DuckDB takes different values for equal: a month and 30 days, 0.0 and -0.0."""


def stored_place(name: str, *, is_stored_apart: bool) -> str:
    """SQL of the table in the DuckLake that has the rows of a table of the file.

    Args:
        name: Schema and name of the table.
        is_stored_apart: Whether a view has that name.
    """
    schema, _, table = name.partition(".")
    return f"warehouse.{'stored' if is_stored_apart else identifier(schema)}.{identifier(table)}"


def hash_of_row(columns: Iterable[tuple[str, str]]) -> str:
    """SQL of the hash of a row.

    Args:
        columns: SQL and type of each column, as in the file or as stored: both have the same hash.
    """
    cells = (f"CAST({name} AS VARCHAR)" if kind in _PRINTED_EXACTLY else name for name, kind in columns)
    return f"hash({', '.join(cells)})"


@dataclass(frozen=True)
class LakeColumn:
    """A column of a table of the file."""

    name: str
    type: str
    is_nullable: bool
    comment: str | None


@dataclass(frozen=True)
class LakeTable:
    """A table of the file.

    Attributes:
        schema: Its schema in the file.
        name: Its name.
        comment: Its comment.
        columns: Its columns, in order.
    """

    schema: str
    name: str
    comment: str | None
    columns: tuple[LakeColumn, ...]

    @property
    def full_name(self) -> str:
        """Its schema and its name."""
        return f"{self.schema}.{self.name}"

    @property
    def is_stored_apart(self) -> bool:
        """Whether its rows are in another table, under a view of its name."""
        return any(column.type == _STORED_AS_TEXT for column in self.columns)

    @property
    def place(self) -> str:
        """SQL of the table in the DuckLake that has its rows."""
        return stored_place(self.full_name, is_stored_apart=self.is_stored_apart)

    @property
    def in_file(self) -> str:
        """SQL of the table in the file, attached as ``published``."""
        return f"published.{identifier(self.schema)}.{self._name}"

    @property
    def rows_to_store(self) -> str:
        """The columns of a query of the file, as they are stored."""
        return ", ".join(
            f"CAST({identifier(column.name)} AS VARCHAR)"
            if column.type == _STORED_AS_TEXT
            else identifier(column.name)
            for column in self.columns
        )

    @property
    def row_hash(self) -> str:
        """SQL of the hash of a row of the file."""
        return hash_of_row((identifier(column.name), column.type) for column in self.columns)

    @property
    def part_keys(self) -> tuple[str, str]:
        """SQL of the source and the day of a row, as texts; empty where a table has none."""
        names = self._names
        source = "coalesce(source, '')" if "source" in names else "''"
        day = "coalesce(CAST(\"day\" AS VARCHAR), '')" if self.has_days else "''"
        return source, day

    @property
    def has_days(self) -> bool:
        """Whether its parts are days of a source."""
        return {"source", "day"} <= self._names

    def in_parts(self, source: str, days: Collection[str]) -> str:
        """SQL of the condition for stored rows of a source and days, by which DuckLake chooses files.

        Args:
            source: The source; empty for a table without.
            days: The days, as :attr:`part_keys` names them.
        """
        if "source" not in self._names:
            return "true"
        condition = f"source = {literal(source)}"
        if not self.has_days:
            return condition
        listed = ", ".join(literal(day) for day in days if day)
        found = [f'"day" IN ({listed})'] if listed else []
        if "" in days:
            found.append('"day" IS NULL')
        return f"{condition} AND ({' OR '.join(found)})"

    @property
    def _name(self) -> str:
        return identifier(self.name)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns)

    def create(self) -> Iterator[str]:
        """The statements that create it in a DuckLake, empty, with its view where it has one."""
        columns = ", ".join(
            f"{identifier(column.name)} {'VARCHAR' if column.type == _STORED_AS_TEXT else column.type}"
            f"{'' if column.is_nullable else ' NOT NULL'}"
            for column in self.columns
        )
        yield f"CREATE TABLE {self.place} ({columns})"
        if "source" in self._names:
            keys = "source, day" if self.has_days else "source"
            yield f"ALTER TABLE {self.place} SET PARTITIONED BY ({keys})"
        kind, shown = "TABLE", self.place
        if self.is_stored_apart:
            kind, shown = "VIEW", f"{identifier(self.schema)}.{self._name}"
            shown_columns = ", ".join(
                f"CAST({identifier(column.name)} AS INTERVAL) AS {identifier(column.name)}"
                if column.type == _STORED_AS_TEXT
                else identifier(column.name)
                for column in self.columns
            )
            yield f"CREATE VIEW {shown} AS SELECT {shown_columns} FROM stored.{self._name}"
        if self.comment is not None:
            yield f"COMMENT ON {kind} {shown} IS {literal(self.comment)}"
        for column in self.columns:
            if column.comment is not None:
                yield f"COMMENT ON COLUMN {self.place}.{identifier(column.name)} IS {literal(column.comment)}"

    def remove(self) -> Iterator[str]:
        """The statements that remove it from a DuckLake."""
        if self.is_stored_apart:
            yield f"DROP VIEW {identifier(self.schema)}.{self._name}"
        yield f"DROP TABLE {self.place}"


@dataclass(frozen=True)
class Creation:
    """What is created and removed together.

    Attributes:
        name: Its name in ``lake.definitions``.
        create: The statements that create it.
        remove: The statements that remove it.
    """

    name: str
    create: tuple[str, ...]
    remove: tuple[str, ...]

    @property
    def hash(self) -> str:
        """A hash of what creates it."""
        return hashlib.sha256("\n".join(self.create).encode()).hexdigest()


@dataclass(frozen=True)
class LakeLayout:
    """All that a file has.

    Attributes:
        tables: Its tables.
        views: Its views and macros, which are created together: each after what it reads.
    """

    tables: tuple[LakeTable, ...]
    views: Creation

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas it needs besides ``main``."""
        return tuple(sorted({"lake", "stored", *(table.schema for table in self.tables)} - {"main"}))

    @property
    def creations(self) -> tuple[Creation, ...]:
        """All tables, then the views."""
        tables = (Creation(one.full_name, tuple(one.create()), tuple(one.remove())) for one in self.tables)
        return (*tables, self.views)


def read_layout(connection: duckdb.DuckDBPyConnection) -> LakeLayout:
    """Reads what a file has.

    Args:
        connection: An engine with the file attached as ``published``, and no DuckLake yet: to list what that
            has takes requests to PostgreSQL.
    """
    comments = {
        (schema, name): comment
        for schema, name, comment in connection.execute(
            "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = 'published'"
        ).fetchall()
    }
    columns: dict[tuple[str, str], list[LakeColumn]] = {}
    for schema, table, *column in connection.execute(
        "SELECT schema_name, table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE database_name = 'published' ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault((schema, table), []).append(LakeColumn(*column))
    tables = (
        LakeTable(schema, name, comments[schema, name], tuple(columns[schema, name]))
        for schema, name in sorted(comments)
    )
    return LakeLayout(tuple(tables), _views())


def _views() -> Creation:
    """All views and macros, from their definitions.

    Not from the file: the text that DuckDB prints of a view can mean something else than the view. DuckLake
    keeps that text, so the definitions must print as what they are.
    """
    create, remove = [], []
    for view in views():
        place = f"analytics.{view.name}"
        if view.kind == "macro":
            create.append(f"CREATE MACRO {place}({view.arguments}) AS TABLE {view.qualified_body}")
            remove.append(f"DROP MACRO TABLE {place}")
        else:
            create += [
                f"CREATE VIEW {place} AS {view.body}",
                f"COMMENT ON VIEW {place} IS {literal(view.comment)}",
            ]
            remove.append(f"DROP VIEW {place}")
    return Creation(ALL_VIEWS, tuple(create), tuple(reversed(remove)))
