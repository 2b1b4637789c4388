"""Plots as inline SVG: text in the colour of the page, marks visible on light and dark backgrounds."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd
import vl_convert as vlc
from markupsafe import escape

from cbr_warehouse.report.formatting import abbreviate
from cbr_warehouse.report.texts import Texts

PALETTE = ("#2f7fc1", "#d9822b", "#3d9a50", "#b0559c", "#c9454a", "#8a7a2c", "#7d8590")
_INK = "#123456"
"""Placeholder for the text colour in Vega's output, which does not support ``currentColor``."""
_WIDTH, _HEIGHT = 640, 220


def plot_trend(rows: list[dict[str, Any]], texts: Texts) -> str | None:
    """Final and first-attempt success by backup day; None if there is nothing to draw."""
    words = texts.section("trend")
    by_day = {row["backup_day"]: row for row in rows}
    kinds = (("final", "final_success_rate"), ("first", "first_attempt_success_rate"))
    long = [
        {"day": str(day), "kind": words[kind], "rate": by_day.get(day, {}).get(column)}
        for day in _days(by_day)
        for kind, column in kinds
    ]
    rates = [one["rate"] for one in long if one["rate"] is not None]
    if not rates:
        return None
    least = min(rates)
    chart = (
        alt.Chart(pd.DataFrame(long))
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=2)
        .encode(
            x=alt.X("day:T", title=words["day"], axis=alt.Axis(format="%m-%d", tickCount=7)),
            y=alt.Y(
                "rate:Q",
                title=words["rate"],
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[min(0.9, least), 1.0], nice=False),
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                sort=[words["final"], words["first"]],
                scale=alt.Scale(range=list(PALETTE)),
            ),
            strokeDash=alt.StrokeDash("kind:N", legend=None, sort=[words["final"], words["first"]]),
        )
    )
    return _svg(chart, f"{words['name']}. {words['definition']}")


def plot_causes(rows: list[dict[str, Any]], texts: Texts) -> str | None:
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
        .mark_bar()
        .encode(
            x=alt.X(
                "yearmonthdate(day):T",
                title=texts("trend", "day"),
                axis=alt.Axis(format="%m-%d", tickCount=7),
            ),
            y=alt.Y("failures:Q", title=words["failures"], axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("code:N", title=None, sort=order, scale=alt.Scale(range=list(PALETTE))),
            order=alt.Order("color_code_sort_index:Q"),
        )
    )
    return _svg(chart, f"{words['name']}. {words['definition']}")


def _days(known: Iterable[date]) -> list[date]:
    """All days from the first to the last one; days without a row are gaps."""
    first, last = min(known, default=date.max), max(known, default=date.min)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _short(code: str) -> str:
    return abbreviate(code.removeprefix("BackupService."))


def _svg(chart: alt.Chart, title: str) -> str:
    """Draws a chart that scales with the page and has its title as its accessible name."""
    spec = chart.properties(width=_WIDTH, height=_HEIGHT).configure(
        background="transparent",
        font="sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=_INK,
            titleColor=_INK,
            domainColor=_INK,
            tickColor=_INK,
            gridColor=_INK,
            gridOpacity=0.12,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        legend=alt.LegendConfig(labelColor=_INK, titleColor=_INK, orient="top", labelFontSize=12),
    )
    drawn: str = vlc.vegalite_to_svg(spec.to_json(validate=False))
    drawn = drawn.replace(_INK, "currentColor")
    # Named by the page; width and height give way to the page's style.
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        lambda found: (
            f'<svg class="plot" role="img" aria-label="{escape(title)}" viewBox="{found[1]}" '
            'xmlns="http://www.w3.org/2000/svg">'
        ),
        drawn,
        count=1,
    )
