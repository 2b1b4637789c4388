"""What a page consists of, before it is made HTML."""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from cbr_warehouse.page.columns import Column, Shown, show
from cbr_warehouse.page.parameters import ROWS, Filters
from cbr_warehouse.page.snapshots import Result


@dataclass(frozen=True)
class Pager:
    """Where a table is in its list.

    Attributes:
        page: Its page, from 1.
        total: Rows of the whole list.
        previous: Address of the page before.
        next: Address of the page after.
    """

    page: int
    total: int
    previous: str | None
    next: str | None

    @property
    def first(self) -> int:
        """Number of its first row, from 1."""
        return (self.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        """Number of its last row."""
        return min(self.page * ROWS, self.total)


@dataclass(frozen=True)
class Section:
    """A table, or one row as a list of names and values, with the query that it shows.

    Attributes:
        name: Its anchor.
        title: Its heading.
        result: What it shows.
        columns: The columns that are shown.
        rows: Their values, row by row.
        shape: ``table`` or ``record``.
        empty: What is said where there is no row.
        note: What is said above it.
        pager: Where it is in its list.
    """

    name: str
    title: str
    result: Result
    columns: tuple[Column, ...]
    rows: list[list[Shown]]
    shape: str = "table"
    empty: str = "None."
    note: str = ""
    pager: Pager | None = None


@dataclass(frozen=True)
class Record:
    """A version of a task and the record as received.

    Attributes:
        version: Its number.
        text: The record.
        href: Where the record is alone, byte by byte.
    """

    version: int
    text: str
    href: str


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: Its title.
        template: The template that shows it.
        sections: Its sections in order.
        filters: The filters of its form; None for a page without one.
        fields: Names of the filters that the page has.
        path: Its address without filters.
        intro: What is said below the heading.
        trail: Addresses and names of the pages above it.
        extra: What its template needs besides.
    """

    title: str
    template: str
    sections: tuple[Section, ...]
    filters: Filters | None = None
    fields: tuple[str, ...] = ()
    path: str = "/"
    intro: str = ""
    trail: tuple[tuple[str, str], ...] = ()
    extra: dict[str, Any] | None = None


def table(name: str, title: str, result: Result, columns: tuple[Column, ...], zone: tzinfo) -> Section:
    """A section with a table."""
    return Section(
        name, title, result, columns, [[show(one, row, zone) for one in columns] for row in result.rows]
    )


def pager_of(result: Result, filters: Filters, path: str) -> Pager:
    """The place of a list that has the column ``total``."""
    total = int(result.rows[0]["total"]) if result.rows else 0
    page = filters.page
    return Pager(
        page,
        total,
        filters.link(path, page=page - 1) if page > 1 else None,
        filters.link(path, page=page + 1) if page * ROWS < total else None,
    )


def paged(section: Section, filters: Filters, path: str, empty: str) -> Section:
    """A section with its place in the list, which has the column ``total``, and what an empty one says."""
    return replace(section, pager=pager_of(section.result, filters, path), empty=empty)
