"""How plots look: inline SVG, text in the colour of the page, marks visible on light and dark backgrounds.

Each plot is drawn twice, for a screen or paper and for a phone; the page shows the one that fits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
import vl_convert as vlc
from markupsafe import Markup, escape

PALETTE = ("#2f7fc1", "#d9822b", "#3d9a50", "#b0559c", "#c9454a", "#8a7a2c", "#7d8590")
INK = "#123456"
"""Placeholder for the text colour in Vega's output, which does not support ``currentColor``."""

Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True)
class Size:
    """How large a plot is drawn, in the pixels of its own coordinates.

    Attributes:
        name: The value of ``data-size``, by which the style sheet chooses.
        width: Width without axes.
        height: Height without axes.
        font: Size of its text.
        ticks: About how many ticks its time axis has.
        columns: Columns of its legend.
    """

    name: str
    width: int
    height: int
    font: int
    ticks: int
    columns: int


WIDE = Size("wide", 640, 200, 12, 7, 4)
NARROW = Size("narrow", 270, 170, 11, 4, 2)


@dataclass(frozen=True)
class IncidentMark:
    """Where a plot over days marks an incident.

    Attributes:
        letter: What the page calls it.
        day: Its backup day, ISO 8601.
    """

    letter: str
    day: str


def both_sizes(plot: Callable[[Size], str | None]) -> Markup:
    """A plot for a screen and for a phone; empty where there is nothing to draw.

    Args:
        plot: Draws it in a size.
    """
    drawn = [svg for size in (WIDE, NARROW) if (svg := plot(size))]
    return Markup("".join(drawn))  # noqa: S704  # drawn by us; Vega escapes its texts


def time_field(unit: str) -> str:
    """The field ``day`` as Vega reads it, by ``day`` or by ``week``, so that bars are as wide as that."""
    return f"{'yearweek' if unit == 'week' else 'yearmonthdate'}(day):T"


def marked(chart: Chart, marks: tuple[IncidentMark, ...], unit: str, *, band: float = 0.0) -> Chart:
    """Adds the letters of incidents above a plot over days; those of one day share a place.

    Args:
        chart: The plot.
        marks: The incidents.
        unit: ``day`` or ``week``: what the plot has its marks by.
        band: Where in it the plot has its own marks: 0 for points, 0.5 for bars.
    """
    if not marks:
        return chart
    by_day: dict[str, str] = {}
    for mark in marks:
        by_day[mark.day] = by_day.get(mark.day, "") + mark.letter
    frame = pd.DataFrame([{"day": day, "letter": letters} for day, letters in by_day.items()])
    at = alt.Chart(frame).encode(x=alt.X(time_field(unit), bandPosition=band))
    rule = at.mark_rule(color=INK, opacity=0.45, strokeDash=[2, 3])
    letter = at.mark_text(color=INK, baseline="bottom", fontWeight="bold").encode(
        y=alt.value(-2), text="letter:N"
    )
    return alt.layer(chart, rule, letter)


def svg(chart: Chart, title: str, size: Size, **properties: Any) -> str:
    """Draws a chart that scales with the page and has its title as its accessible name.

    Args:
        chart: The chart.
        title: Its accessible name.
        size: How large to draw it.
        properties: Width or height, where they differ from those of the size.
    """
    axis = alt.AxisConfig(
        labelColor=INK,
        titleColor=INK,
        domainColor=INK,
        tickColor=INK,
        gridColor=INK,
        gridOpacity=0.12,
        labelFontSize=size.font,
        titleFontSize=size.font,
        titleFontWeight="normal",
    )
    legend = alt.LegendConfig(
        labelColor=INK,
        titleColor=INK,
        orient="top",
        labelFontSize=size.font,
        columns=size.columns,
        labelLimit=240,
    )
    spec = chart.properties(**{"width": size.width, "height": size.height} | properties).configure(
        background="transparent",
        font="sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=axis,
        legend=legend,
        text=alt.MarkConfig(fontSize=size.font),
    )
    drawn: str = vlc.vegalite_to_svg(spec.to_json(validate=False))
    drawn = drawn.replace(INK, "currentColor")
    # Named by the page; width and height give way to the page's style.
    return re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        lambda found: (
            f'<svg class="plot" data-size="{size.name}" role="img" aria-label="{escape(title)}" '
            f'viewBox="{found[1]}" xmlns="http://www.w3.org/2000/svg">'
        ),
        drawn,
        count=1,
    )
