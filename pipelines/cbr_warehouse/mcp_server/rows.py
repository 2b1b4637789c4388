"""Runs one reading statement, and gives its first rows with how many there are in all."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.warehouse.query import Snapshot

MOST_ROWS = 500
"""Rows of an answer at most: an assistant reads them all."""

MOST_CHARACTERS = 2000
"""Characters of a text that an answer has; the rest is counted."""


@dataclass(frozen=True)
class Rows:
    """The first rows of a statement.

    Attributes:
        columns: Names, with DuckDB's types.
        rows: The rows as objects by column.
        total: Rows in all, or at least so many.
        is_total_exact: Whether there are no more than that.
        shortened: Texts that were cut.
    """

    columns: dict[str, str]
    rows: list[dict[str, Any]]
    total: int
    is_total_exact: bool
    shortened: int

    def answer(self) -> dict[str, Any]:
        """As the tools give it."""
        return {
            "columns": self.columns,
            "rows": self.rows,
            "rows_returned": len(self.rows),
            "rows_total": self.total,
            "is_total_exact": self.is_total_exact,
            "is_limited": self.total > len(self.rows),
            "texts_shortened": self.shortened,
        }


def read_rows(snapshot: Snapshot, sql: str, limit: int, plain: Callable[[Any], Any]) -> Rows:
    """Runs a statement read-only, as the command ``sql`` does.

    Args:
        snapshot: The open warehouse.
        sql: One reading statement.
        limit: Rows to return.
        plain: Makes a value one of JSON.

    Raises:
        CbrWarehouseError: It is not one reading statement, or it failed.
    """
    with snapshot.stream(sql) as found:
        names = _once_each(found.columns)
        cut = _Cut(plain)
        first = [dict(zip(names, map(cut, row), strict=True)) for row in islice(found.rows, limit)]
        has_more = next(iter(found.rows), None) is not None
        types = dict(zip(names, found.types, strict=True))
    total = _count(snapshot, sql) if has_more else len(first)
    return Rows(types, first, limit + 1 if total is None else total, total is not None, cut.shortened)


def _count(snapshot: Snapshot, sql: str) -> int | None:
    """How many rows a statement has; None for one that cannot be part of another, such as DESCRIBE."""
    body = sql.strip().rstrip(";")
    try:
        (row,) = snapshot.query(f"SELECT count(*) FROM (\n{body}\n)").rows
    except WarehouseError:
        return None
    return int(row[0])


class _Cut:
    """Makes values those of JSON, long texts shorter, and counts these."""

    def __init__(self, plain: Callable[[Any], Any]) -> None:
        self._plain = plain
        self.shortened = 0

    def __call__(self, value: Any) -> Any:
        made = self._plain(value)
        if isinstance(made, str) and len(made) > MOST_CHARACTERS:
            self.shortened += 1
            return f"{made[:MOST_CHARACTERS]}… ({len(made) - MOST_CHARACTERS:,} characters more)"
        return made


def _once_each(columns: tuple[str, ...]) -> list[str]:
    """Names for an object: a second ``a`` is ``a_2``."""
    names: list[str] = []
    for column in columns:
        copies = sum(1 for name in columns[: len(names)] if name == column)
        name = column if not copies else f"{column}_{copies + 1}"
        while name in names:
            name += "_"
        names.append(name)
    return names
