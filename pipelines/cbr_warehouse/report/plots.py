"""The plots over time: success, causes of failures, unprotected hours; and the region-loss curve."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd

from cbr_warehouse.report.formatting import abbreviate
from cbr_warehouse.report.plot_style import (
    INK,
    PALETTE,
    WIDE,
    Chart,
    IncidentMark,
    Size,
    marked,
    svg,
    time_field,
)
from cbr_warehouse.report.texts import Texts

Rows = list[dict[str, Any]]
Marks = tuple[IncidentMark, ...]

_HOURS = (1, 6, 12, 24, 48, 96, 168, 336, 720, 1440, 4320, 8760)
"""Ticks of the region-loss curve."""


def plot_trend(
    rows: Rows,
    texts: Texts,
    size: Size = WIDE,
    target: float | None = None,
    marks: Marks = (),
    unit: str = "day",
) -> str | None:
    """Final and first-attempt success by backup day; None if there is nothing to draw.

    Args:
        rows: Rows of the query ``trend``.
        texts: The words.
        size: How large to draw it.
        target: The target of final success, drawn as a line.
        marks: Incidents to mark.
        unit: ``day``, or ``week`` where rows are those of weeks.
    """
    words = texts.section("trend")
    by_day = {row["backup_day"]: row for row in rows}
    kinds = (("final", "final_success_rate"), ("first", "first_attempt_success_rate"))
    long = [
        {"day": str(day), "kind": words[kind], "rate": by_day.get(day, {}).get(column)}
        for day in _days(by_day, 7 if unit == "week" else 1)
        for kind, column in kinds
    ]
    rates = [one["rate"] for one in long if one["rate"] is not None]
    if not rates:
        return None
    order = [words["final"], words["first"]]
    least = min(0.9, 1.0 if target is None else target - 0.01, *rates)
    chart: Chart = (
        alt.Chart(pd.DataFrame(long))
        .mark_line(point=alt.OverlayMarkDef(size=18, aria=False), strokeWidth=2)
        .encode(
            x=_day_axis(texts, unit, size),
            y=alt.Y(
                "rate:Q",
                title=words["rate"],
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[max(0.0, least), 1.0], nice=False),
            ),
            color=alt.Color("kind:N", title=None, sort=order, scale=alt.Scale(range=list(PALETTE))),
            strokeDash=alt.StrokeDash("kind:N", legend=None, sort=order),
        )
    )
    if target is not None:
        chart = alt.layer(
            chart, *_target(target, texts("trend", "target", target=f"{100 * target:g} %"), size)
        )
    return svg(marked(chart, marks, unit), f"{words['name']}. {words['definition']}", size)


def plot_causes(
    rows: Rows, texts: Texts, size: Size = WIDE, marks: Marks = (), unit: str = "day"
) -> str | None:
    """Failures by backup day and cause; None if nothing failed."""
    words = texts.section("causes_daily")
    if not rows:
        return None
    frame = pd.DataFrame(
        [
            {
                "day": str(row["backup_day"]),
                "code": texts.word(_short(row["error_code"])),
                "failures": row["failures"],
            }
            for row in rows
        ]
    )
    order = list(frame.groupby("code")["failures"].sum().sort_values(ascending=False).index)
    order.sort(key=texts.word("other").__eq__)
    chart = (
        alt.Chart(frame)
        .mark_bar(aria=False)
        .encode(
            x=_day_axis(texts, unit, size),
            y=alt.Y("failures:Q", title=words["failures"], axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("code:N", title=None, sort=order, scale=alt.Scale(range=list(PALETTE))),
            order=alt.Order("color_code_sort_index:Q"),
        )
    )
    return svg(marked(chart, marks, unit, band=0.5), f"{words['name']}. {words['definition']}", size)


def plot_unprotected(
    rows: Rows, texts: Texts, size: Size = WIDE, marks: Marks = (), unit: str = "day"
) -> str | None:
    """Unprotected resource-hours by backup day; None if there are none."""
    words = texts.section("unprotected_daily")
    if not any(row["unprotected_hours"] for row in rows):
        return None
    frame = pd.DataFrame([{"day": str(row["backup_day"]), "hours": row["unprotected_hours"]} for row in rows])
    chart = (
        alt.Chart(frame)
        .mark_bar(color=PALETTE[1], aria=False)
        .encode(x=_day_axis(texts, unit, size), y=alt.Y("hours:Q", title=words["hours"]))
    )
    return svg(marked(chart, marks, unit, band=0.5), f"{words['name']}. {words['definition']}", size)


def plot_offsite(rows: Rows, texts: Texts, size: Size = WIDE) -> str | None:
    """Which share of the resources would lose at most how many hours with the region; None without a copy."""
    words = texts.section("offsite_curve")
    if not rows:
        return None
    oldest = max(row["age_hours"] for row in rows)
    points = [{"hours": 0, "share": 0.0}] + [
        {"hours": row["age_hours"], "share": row["share"]} for row in rows
    ]
    ticks = [hours for hours in _HOURS if hours <= max(oldest, 24)]
    chart = (
        alt.Chart(pd.DataFrame(points))
        .mark_area(
            interpolate="step-after",
            color=PALETTE[0],
            opacity=0.35,
            line={"color": PALETTE[0], "strokeWidth": 2},
        )
        .encode(
            x=alt.X(
                "hours:Q",
                title=words["hours"],
                scale=alt.Scale(type="symlog", constant=6, domain=[0, max(oldest, 24)], nice=False),
                axis=alt.Axis(values=ticks, format="d", labelOverlap=True),
            ),
            y=alt.Y(
                "share:Q",
                title=words["share"],
                scale=alt.Scale(domain=[0, 1], nice=False),
                axis=alt.Axis(format="%"),
            ),
        )
    )
    return svg(chart, f"{words['name']}. {words['definition']}", size)


def _target(target: float, label: str, size: Size) -> tuple[alt.Chart, alt.Chart]:
    at = alt.Chart(pd.DataFrame([{"rate": target, "label": label}])).encode(y="rate:Q")
    rule = at.mark_rule(color=PALETTE[4], strokeDash=[6, 3], strokeWidth=1.5)
    text = at.mark_text(color=INK, align="right", baseline="top", dy=14).encode(
        x=alt.value(size.width), text="label:N"
    )
    return rule, text


def _day_axis(texts: Texts, unit: str, size: Size) -> alt.X:
    form = "%Y-%m" if unit == "week" else "%m-%d"
    axis = alt.Axis(format=form, tickCount=size.ticks, labelOverlap=True)
    return alt.X(time_field(unit), title=texts("trend", unit), axis=axis)


def _days(known: Iterable[date], step: int) -> list[date]:
    """All days, or weeks, from the first to the last one; those without a row are gaps."""
    first, last = min(known, default=date.max), max(known, default=date.min)
    return [first + timedelta(days=number) for number in range(0, (last - first).days + 1, step)]


def _short(code: str) -> str:
    return abbreviate(code.removeprefix("BackupService."))
