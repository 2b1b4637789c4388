"""Renders the page: one HTML file that needs no other file and no network."""

from datetime import timedelta
from functools import partial
from typing import Any

from markupsafe import Markup

from cbr_warehouse.report.changes import describe_changes
from cbr_warehouse.report.collect_data import QueryResult, ReportData
from cbr_warehouse.report.comparison import compare, describe_before
from cbr_warehouse.report.formatting import count, moment
from cbr_warehouse.report.headings import clock, describe_period, describe_scope, describe_span
from cbr_warehouse.report.html import environment
from cbr_warehouse.report.parts import anchors_of, build_parts
from cbr_warehouse.report.problems import Problem, describe_problems
from cbr_warehouse.report.queries import Question
from cbr_warehouse.report.texts import Texts


def render_page(data: ReportData, texts: Texts, version: str, *, has_pack: bool = False) -> str:
    """Renders the report.

    Args:
        data: The report's data.
        texts: The words.
        version: Of this program.
        has_pack: Whether an evidence pack is beside the page.

    Returns:
        HTML without scripts, links or other resources to fetch.
    """
    style = environment().get_template("style.css").render()
    rows = data.results.get("watermark", QueryResult.empty()).rows
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            results=data.results,
            changes=describe_changes(data.results["changes"].rows, texts) if data.period else [],
            count=count,
            defined=_defined(data),
            figures=data.figures,
            has_pack=has_pack,
            moment=partial(moment, zone=data.zone),
            parts=build_parts(data, texts) if data.period else [],
            problems=_problems(data, texts) if data.period else [],
            before={name: describe_before(one, texts) for name, one in data.figures.items()},
            comparison=compare(data.results["history"].rows, data.figures.values(), texts)
            if data.period
            else None,
            period=data.period,
            heading=describe_period(data, texts),
            is_of_resources=data.scope.is_of_resources,
            limits=describe_scope(data.scope, texts),
            settings=_settings(data.settings, texts),
            sources=len(rows),
            span=describe_span(data, texts),
            style=Markup(style),  # noqa: S704  # our own file
            timezone=data.timezone,
            tasks=sum(row["tasks"] or 0 for row in rows),
            texts=texts,
            verdict=data.verdict,
            version=version,
        )
    )


def _settings(settings: dict[str, Any], texts: Texts) -> str:
    shown = {
        name: texts.span(value) if isinstance(value, timedelta) else value for name, value in settings.items()
    }
    shown["day_anchor"] = clock(settings["day_anchor"])
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _problems(data: ReportData, texts: Texts) -> list[Problem]:
    has_sources = len(data.results["watermark"].rows) > 1
    rows = data.results["matters"].rows
    return describe_problems(rows, texts, data.zone, anchors_of(data), has_sources=has_sources)


def _defined(data: ReportData) -> list[tuple[str, Question | None]]:
    """Sections whose definitions are printed at the end: paper cannot unfold them.

    Those that the verdict rests on come with their questions, which say exactly what is counted.
    """
    figures: list[tuple[str, Question | None]] = [(name, one.question) for name, one in data.figures.items()]
    exact = ("findings", "matters", "worst")
    return figures + [(name, one.question if name in exact else None) for name, one in data.results.items()]
