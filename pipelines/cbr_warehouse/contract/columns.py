"""Tables and columns as frozen values. ``load_schemas`` reads them from files."""

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """The types a column may have; each station maps them to its own."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    JSON = "json"
    BYTES = "bytes"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name, the same at every station.
        type: Its type.
        description: Meaning of its values, for the dictionary and the DDL comments.
        path: Where the value is in the API record, for tables whose row is the record.
        alias: A second path for the same value, where sources disagree on the name.
        nullable: Whether it may be NULL.
        empty_is_null: Whether an empty text means nothing.
        counter: Whether an array in its place counts as its length.
    """

    name: str
    type: ColumnType
    description: str
    path: str | None = None
    alias: str | None = None
    nullable: bool = True
    empty_is_null: bool = False
    counter: bool = False


@dataclass(frozen=True)
class RowPlace:
    """A place in the API record where rows of a table come from.

    Attributes:
        origin: Path of the object (or, with ``[]``, array element) that makes a row.
        constants: Values that this place fixes, by column.
        positions: One column for each ``[]`` in ``origin``: the index, from 0.
        paths: Column to path from ``origin``; ``""`` is the element itself.
    """

    origin: str
    constants: tuple[tuple[str, str | int], ...] = ()
    positions: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()

    def absolute(self, relative: str) -> str:
        """The path from the record's root of a path from this place."""
        return ".".join(part for part in (self.origin, relative) if part)


@dataclass(frozen=True)
class Table:
    """One table of the warehouse.

    Attributes:
        name: Its name.
        description: One row per what.
        key: Columns that are unique together.
        columns: All columns, in order.
        places: Where its rows come from in the API record; empty for derived tables.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    places: tuple[RowPlace, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def sources_of(self, column: Column) -> tuple[str, ...]:
        """Every path in the API record that feeds the column, in the order of its places."""
        if column.path is not None:
            return (column.path,) if column.alias is None else (column.path, column.alias)
        return tuple(
            place.absolute(path) for place in self.places for name, path in place.paths if name == column.name
        )


@dataclass(frozen=True)
class Contract:
    """All tables, and what changes with them.

    Attributes:
        tables: All tables.
        fingerprint: Changes when a declaration of the tables of tasks, validation or flattening changes.
        alike: Fingerprints of earlier contracts that gave every record the same result of validation.
        warehouse_fingerprint: Changes when any table does: the warehouse is made again then.
    """

    tables: tuple[Table, ...]
    fingerprint: str
    alike: tuple[str, ...] = ()
    warehouse_fingerprint: str = ""

    @property
    def validated_alike(self) -> frozenset[str]:
        """Fingerprints of contracts whose results of validation count, this one's among them."""
        return frozenset((self.fingerprint, *self.alike))

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            KeyError: There is no such table.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    @property
    def record_tables(self) -> tuple[Table, ...]:
        """The tables that are flattened from API records."""
        return tuple(table for table in self.tables if table.places)
