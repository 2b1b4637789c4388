"""Tables as HTML, by great_tables: what a cell shows follows from its column's name."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
from great_tables import GT
from markupsafe import escape

from cbr_warehouse.report.formatting import count, hours, moment, percent
from cbr_warehouse.report.texts import Texts

_SHOWN: dict[str, Callable[[Any], str]] = {
    "unprotected_hours": hours,
    "last_rp_age_hours": hours,
    "share": percent,
    "final_success_rate": percent,
    "wilson_lower": percent,
    "last_seen_at": moment,
    "watermark": moment,
    "first_day": moment,
    "last_day": moment,
    **dict.fromkeys(
        (
            "strikes",
            "failures",
            "resources",
            "protected",
            "windows",
            "days",
            "missing",
            "quarantined",
            "open",
            "unknown",
            "tasks",
            "rows",
        ),
        count,
    ),
}
"""How the columns with numbers and times are printed; all others are text, escaped."""

_WORDS = ("state", "schedule_basis", "class")
"""The columns whose values are words of ours."""


def html_table(name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], texts: Texts) -> str:
    """A table that needs no style of its own beyond the page's.

    Args:
        name: Of the table; its id in the page.
        rows: What it holds.
        columns: Which columns, in this order.
        texts: The words of its headings and caption.

    Returns:
        HTML in which every text from the data is escaped.
    """
    frame = pd.DataFrame(
        [{column: _cell(column, row.get(column), texts) for column in columns} for row in rows],
        columns=list(columns),
        dtype="object",
    )
    numeric = [column for column in columns if column in _SHOWN]
    table = (
        GT(frame, id=f"table-{name}")
        .cols_label(cases=dict(_labels(columns, texts)))
        .cols_align("right", numeric)
        .cols_align("left", [column for column in columns if column not in numeric])
        .tab_options(table_width="100%", table_background_color="transparent")
        .as_raw_html(inline_css=False)
    )
    return _plain(str(table), texts(name, "name"))


def _labels(columns: Sequence[str], texts: Texts) -> Iterator[tuple[str, Any]]:
    for column in columns:
        yield column, texts("column", column)


def _cell(column: str, value: Any, texts: Texts) -> str:
    """The text of a cell; great_tables prints strings as they are, so they are escaped here."""
    if column in _SHOWN:
        return _SHOWN[column](value)
    if column in _WORDS or value == "(none)":
        value = texts.word(value)
    return str(escape("–" if value is None else value))


def _plain(html: str, caption: str) -> str:
    """Keeps the table alone: its looks are the page's, and a caption says what it is to those who listen."""
    start, end = html.index("<table"), html.index("</table>") + len("</table>")
    table = html[start:end]
    opened = table.index(">") + 1
    return f"{table[:opened]}<caption>{escape(caption)}</caption>{table[opened:]}"
