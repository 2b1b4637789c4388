"""The calendar heat map: a square a backup day, a column a week, the darker the more backups failed."""

from datetime import timedelta
from typing import Any

import altair as alt
import pandas as pd

from cbr_warehouse.report.plot_style import INK, WIDE, Chart, IncidentMark, Size, svg
from cbr_warehouse.report.texts import Texts

_BUDGETS = (1, 2, 5)
"""Multiples of the error budget (1 - target) that separate the colours."""

_COLOURS = (
    "rgba(61, 154, 80, 0.3)",
    "rgba(201, 162, 39, 0.45)",
    "rgba(217, 130, 43, 0.65)",
    "rgba(201, 69, 74, 0.9)",
    "rgba(125, 133, 144, 0.15)",
)
"""From light to dark, so that they can be told apart without colours; the last is a day without results."""

_LEGIBLE_WEEKS = {"wide": 20, "narrow": 10}
"""Up to how many weeks a square has room for the day of the month."""


def plot_calendar(
    rows: list[dict[str, Any]],
    texts: Texts,
    target: float,
    size: Size = WIDE,
    marks: tuple[IncidentMark, ...] = (),
) -> str | None:
    """Final success by backup day as a calendar; None if there is nothing to draw.

    Args:
        rows: Rows of the query ``trend``.
        texts: The words.
        target: The target of final success.
        size: How large to draw it.
        marks: Incidents, whose letters stand in their day.
    """
    rates = {row["backup_day"]: row["final_success_rate"] for row in rows}
    if not rates:
        return None
    words = texts.section("calendar_map")
    classes = [f"≥ {_percent(1 - times * (1 - target))}" for times in _BUDGETS]
    classes += [f"< {_percent(1 - _BUDGETS[-1] * (1 - target))}", words["no_results"]]
    first, last = min(rates), max(rates)
    monday = first - timedelta(days=first.weekday())
    letters: dict[str, str] = {}
    for mark in marks:
        letters[mark.day] = letters.get(mark.day, "") + mark.letter
    weekdays = words["weekdays"].split()
    squares = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        squares.append(
            {
                "week": f"{day - timedelta(days=day.weekday()):%m-%d}",
                "order": (day - monday).days // 7,
                "weekday": weekdays[day.weekday()],
                "class": classes[_class(rates.get(day), target)],
                "text": f"{day.day} {letters.get(str(day), '')}".strip(),
            }
        )
    weeks = (last - monday).days // 7 + 1
    chart = _squares(squares, weekdays, classes, weeks, size)
    return svg(chart, f"{words['name']}. {words['definition']}", size, height=7 * 24)


def _squares(
    squares: list[dict[str, Any]], weekdays: list[str], classes: list[str], weeks: int, size: Size
) -> Chart:
    x = alt.X(
        "order:O",
        title=None,
        axis=alt.Axis(
            orient="top",
            labelAngle=0,
            ticks=False,
            domain=False,
            labelOverlap=True,
            labelExpr=f"{_weeks(squares)}[datum.value]",
        ),
        scale=alt.Scale(paddingInner=0.06),
    )
    y = alt.Y("weekday:O", title=None, sort=weekdays, axis=alt.Axis(ticks=False, domain=False))
    used = [name for name in classes if any(one["class"] == name for one in squares)]
    scale = {name: number for number, name in enumerate(classes)}
    base = alt.Chart(pd.DataFrame(squares)).encode(x=x, y=y)
    colour = alt.Color(
        "class:N",
        title=None,
        sort=used,
        scale=alt.Scale(domain=used, range=[_COLOURS[scale[one]] for one in used]),
    )
    layers = [base.mark_rect(cornerRadius=2, aria=False).encode(color=colour)]
    if weeks <= _LEGIBLE_WEEKS[size.name]:
        layers.append(base.mark_text(color=INK, aria=False).encode(text="text:N"))
    return alt.layer(*layers)


def _weeks(squares: list[dict[str, Any]]) -> str:
    """The first days of the weeks as a list for Vega, which shows them instead of their numbers."""
    by_order = {one["order"]: one["week"] for one in squares}
    return "[" + ",".join(f"'{by_order[order]}'" for order in sorted(by_order)) + "]"


def _class(rate: float | None, target: float) -> int:
    if rate is None:
        return len(_BUDGETS) + 1
    budget = 1 - target
    return next(
        (number for number, times in enumerate(_BUDGETS) if rate >= 1 - times * budget - 1e-9), len(_BUDGETS)
    )


def _percent(share: float) -> str:
    return f"{100 * max(share, 0):g} %"
