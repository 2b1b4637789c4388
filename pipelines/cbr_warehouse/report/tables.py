"""Tables as HTML: how a column is printed follows from its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from markupsafe import Markup

from cbr_warehouse.report.formatting import abbreviate, count, hours, moment, percent
from cbr_warehouse.report.html import environment
from cbr_warehouse.report.texts import Texts

_NUMBERS: dict[str, Callable[[Any], str]] = {
    "unprotected_hours": hours,
    "last_rp_age_hours": hours,
    "share": percent,
    "failure_rate": percent,
    "duration_hours": hours,
    "final_success_rate": percent,
    "wilson_lower": percent,
    "protected_rate": percent,
    **dict.fromkeys(
        (
            "strikes",
            "failures",
            "resources",
            "hit",
            "vaults",
            "protected",
            "windows",
            "days",
            "missing",
            "quarantined",
            "open",
            "unknown",
            "tasks",
            "enrolled",
            "within_rpo",
            "unprotected",
        ),
        count,
    ),
}
"""How columns of numbers are printed."""

_TIMES = ("began_at", "recovered_at", "last_seen_at", "watermark", "first_day", "last_day", "since")

_WORDS = ("state", "reason", "schedule_basis", "class")
"""Columns whose values are our own words, translated; all other texts are shown as received."""

_NAMES = ("error_code", "cause", "source", "resource_type")
"""Columns of names from outside, which may be of any length."""

_ALIGNED_RIGHT = (*_NUMBERS, "failed", "found", "share_of")

PLACEHOLDERS = ("(none)", "(not attempted)", "(skipped)", "(late)")
"""Values of ours in columns of names."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Its heading.
        style: The class of its cells: ``number`` and ``time`` align to the right, ``code`` is wide
            enough for an error code, ``name`` may break anywhere.
    """

    heading: str
    style: str


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: What it shows.
        link: The id in the page that it leads to; None for none.
    """

    text: str
    link: str | None


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        anchor: Its id in the page; None for none.
        cells: Its cells, one a column.
    """

    anchor: str | None
    cells: list[Cell]


def html_table(
    name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], texts: Texts, zone: tzinfo = UTC
) -> Markup:
    """A table that becomes a list of records on a narrow screen.

    Args:
        name: Its section in the texts, and part of its id in the page.
        rows: What it shows. ``anchor`` of a row is its id in the page; ``links`` are the ids that its cells
            lead to, by column.
        columns: Names of the columns to show, in this order.
        texts: Its headings and caption.
        zone: The time zone of its times.
    """
    return Markup(  # noqa: S704  # the template escapes
        environment()
        .get_template("table.html.j2")
        .render(
            name=name,
            caption=texts(name, "name"),
            columns=[Column(texts("column", column), _style(column)) for column in columns],
            rows=[
                Row(
                    row.get("anchor"),
                    [
                        Cell(_cell(column, row.get(column), texts, zone), row.get("links", {}).get(column))
                        for column in columns
                    ],
                )
                for row in rows
            ],
        )
    )


def _style(column: str) -> str:
    if column in ("error_code", "cause"):
        return "code"
    if column in _TIMES:
        return "time"
    if column in ("resource", "vault", "incident", "tag"):
        return "name"
    return "number" if column in _ALIGNED_RIGHT else "text"


def _cell(column: str, value: Any, texts: Texts, zone: tzinfo) -> str:
    if column in _NUMBERS:
        return _NUMBERS[column](value)
    if column in _TIMES:
        return moment(value, zone)
    if value is None:
        return "–"
    if column in _WORDS or value in PLACEHOLDERS:
        return texts.word(value)
    return abbreviate(value) if column in _NAMES else str(value)
