"""Tables on stdout: unlimited in a pipe, fitted to a terminal; no value is ever truncated."""

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from rich.cells import cell_len

from cbr_warehouse.cli.json_values import plain, to_json
from cbr_warehouse.cli.terminal_text import visible

_GAP = 2
"""Spaces between two columns."""

_USUAL_WIDTH = 80
"""Of a terminal that does not know its own."""

_LEFT_OUT = "…"

_MOST_RECORD_LINES = 1_000
"""Results of more values than this lose their middle columns instead of becoming records."""


def print_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Prints rows as a table.

    On a terminal that is too narrow, texts are wrapped between words; if that does not suffice, every row
    becomes a record of ``label: value`` lines, or a long result loses its middle columns, and says so.

    Args:
        columns: The titles.
        rows: Values as DuckDB gives them.
    """
    titles = [visible(title).replace("\n", "\\n") for title in columns]
    cells = [[visible(as_text(value)) for value in row] for row in rows]
    room = _terminal_width()
    widths = _widths([titles, *cells])
    if room is None or _total(widths) <= room:
        _print_columns([titles, *cells], widths)
        return
    wrapped = _wrap_to(room, titles, cells, widths)
    if wrapped is not None:
        _print_columns([titles, *wrapped], _widths([titles, *wrapped]))
        return
    shown = _columns_that_fit(room, widths)
    if not shown or (cells and len(cells) * len(titles) <= _MOST_RECORD_LINES):
        _print_records(titles, cells)
    else:
        _print_outer_columns(shown, titles, cells)


def as_text(value: Any) -> str:
    """A value as a table or CSV shows it; NULL is empty."""
    if value is None:
        return ""
    shown = plain(value)
    if isinstance(shown, Decimal):
        return format(shown, "f")
    if type(shown) is int:
        return str(shown)
    return shown if isinstance(shown, str) else to_json(shown)


def _terminal_width() -> int | None:
    if not sys.stdout.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    return (
        int(named) if named.isdecimal() else os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_WIDTH
    )


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(_width(line) for cell in column for line in cell.split("\n"))
        for column in zip(*rows, strict=True)
    ]


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _print_columns(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Prints each column in its width; a cell of several lines stays in its column."""
    for row in rows:
        for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue=""):
            padded = (part + " " * (width - _width(part)) for part, width in zip(line, widths, strict=True))
            sys.stdout.write((" " * _GAP).join(padded).rstrip(" ") + "\n")


def _wrap_to(
    room: int, titles: Sequence[str], cells: Sequence[Sequence[str]], widths: Sequence[int]
) -> list[list[str]] | None:
    """Wraps text between words, widest columns first; None if that does not suffice.

    Numbers, times and ids have no spaces and stay whole.
    """
    if not cells:
        return None
    words = _widths([titles, *([cell.replace(" ", "\n") for cell in row] for row in cells)])
    if _total(words) > room:
        return None
    target = list(widths)
    while (excess := _total(target) - room) > 0:
        widest = max(range(len(target)), key=lambda at: target[at] - words[at])
        target[widest] -= min(max(1, (target[widest] - words[widest]) // 2), excess)
    return [[_wrap(cell, width) for cell, width in zip(row, target, strict=True)] for row in cells]


def _wrap(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    lines = (
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.split("\n")
    )
    return "\n".join(part for line in lines for part in line)


def _columns_that_fit(room: int, widths: Sequence[int]) -> list[int]:
    """Columns from both ends that fit beside a mark for those between them."""
    inward = [
        at for pair in zip(range(len(widths)), reversed(range(len(widths))), strict=True) for at in pair
    ]
    shown: list[int] = []
    for at in dict.fromkeys(inward):
        if _total([len(_LEFT_OUT), *(widths[one] for one in [*shown, at])]) > room:
            break
        shown.append(at)
    return sorted(shown)


def _print_outer_columns(shown: Sequence[int], titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    first_right = next((at for at, one in enumerate(shown) if one != at), len(shown))
    rows = [
        [row[at] for at in shown[:first_right]] + [_LEFT_OUT] + [row[at] for at in shown[first_right:]]
        for row in (titles, *cells)
    ]
    _print_columns(rows, _widths(rows))
    print(
        f"({len(titles) - len(shown)} of {len(titles)} columns are not shown, the terminal is too narrow. "
        "Name the columns in the query, or see all with --format csv or json.)"
    )


def _print_records(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    label = max(map(_width, titles))
    for number, row in enumerate(cells, 1):
        print(f"-- {number} of {len(cells)} --")
        for title, cell in zip(titles, row, strict=True):
            indented = cell.replace("\n", "\n" + " " * (label + 2))
            print(f"{title}:{' ' * (label - _width(title))} {indented}".rstrip(" "))
