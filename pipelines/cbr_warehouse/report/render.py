"""Renders the page: one HTML file that needs no other file and no network."""

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import partial
from typing import Any

from markupsafe import Markup

from cbr_warehouse.report.changes import describe_changes
from cbr_warehouse.report.collect_data import QueryResult, ReportData
from cbr_warehouse.report.formatting import abbreviate, count, moment, span
from cbr_warehouse.report.html import environment
from cbr_warehouse.report.options import Language
from cbr_warehouse.report.period import Period
from cbr_warehouse.report.plots import plot_causes, plot_trend
from cbr_warehouse.report.queries import Question
from cbr_warehouse.report.tables import html_table
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class Part:
    """A section with a table or a plot.

    Attributes:
        name: Its section in the texts.
        html: Its content; empty if there is nothing to show.
        is_table: Whether the content is a table, which may scroll sideways.
        empty: The section of the text that is shown instead of empty content.
    """

    name: str
    html: Markup
    is_table: bool
    empty: str


def render_page(data: ReportData, texts: Texts, version: str) -> str:
    """Renders the report.

    Args:
        data: The report's data.
        texts: The words.
        version: Of this program.

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
            moment=partial(moment, zone=data.zone),
            parts=_parts(data, texts) if data.period else [],
            period=data.period,
            settings=_settings(data.settings),
            sources=len(rows),
            span=_span(data, data.period, texts) if data.period else "",
            style=Markup(style),  # noqa: S704  # our own file
            timezone=data.settings.get("timezone", ""),
            tasks=sum(row["tasks"] or 0 for row in rows),
            texts=texts,
            verdict=data.verdict,
            version=version,
        )
    )


def _span(data: ReportData, period: Period, texts: Texts) -> str:
    return texts(
        "header",
        "span",
        from_at=moment(period.from_at, data.zone),
        to_at=moment(period.to_at, data.zone),
        timezone=data.settings["timezone"],
        anchor=_clock(data.settings["day_anchor"]),
    )


def _settings(settings: dict[str, Any]) -> str:
    shown = {name: span(value) if isinstance(value, timedelta) else value for name, value in settings.items()}
    shown["day_anchor"] = _clock(settings["day_anchor"])
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _clock(anchor: Any) -> str:
    return str(anchor).rpartition(":")[0]


def _parts(data: ReportData, texts: Texts) -> list[Part]:
    results = data.results
    zh = texts.language is Language.ZH
    causes = [
        {
            **row,
            "text": (row["text_zh"] if zh else None) or row["text_en"] or row["text_zh"],
            "advice": (row["advice_zh"] if zh else None) or row["advice_en"] or row["advice_zh"],
        }
        for row in results["causes"].rows
    ]
    source = " source" if len(results["watermark"].rows) > 1 else ""
    completeness = [
        {**row, "what_to_do": texts.remedy(row["state"], row["reason"])}
        for row in results["completeness"].rows
    ]
    tables: list[tuple[str, list[dict[str, Any]], str]] = [
        (
            "worst",
            [_worst(row, texts) for row in results["worst"].rows],
            "resource vault unprotected_hours strikes failed last_rp_age_hours cause schedule_basis" + source,
        ),
        ("causes", causes, "error_code class failures share resources text advice last_seen_at"),
        (
            "vaults",
            [row | {"vault": _name(row["vault"], row["vault_short_id"])} for row in results["vaults"].rows],
            "vault protected windows final_success_rate wilson_lower resources" + source,
        ),
        ("completeness", completeness, "source state reason days first_day last_day missing what_to_do"),
        ("watermark", results["watermark"].rows, "source watermark tasks open unknown quarantined"),
    ]
    if data.evidence:
        tables.append(("audit", data.evidence, "name rows"))
    made = {
        name: Part(name, _table(name, rows, columns.split(), texts, data.zone), is_table=True, empty=name)
        for name, rows, columns in tables
    }
    plots = {
        "trend": _plot(plot_trend(results["trend"].rows, texts)),
        "causes_daily": _plot(plot_causes(results["causes_daily"].rows, texts)),
    }
    drawn = {name: Part(name, html, is_table=False, empty="causes") for name, html in plots.items()}
    order = ("worst", "causes", "trend", "causes_daily", "vaults", "completeness", "watermark", "audit")
    return [part for name in order if (part := (made | drawn).get(name))]


def _worst(row: dict[str, Any], texts: Texts) -> dict[str, Any]:
    failed = texts("worst", "failed", failures=count(row["failures"]), attempts=count(row["attempts"]))
    return row | {
        "resource": _name(row["resource"], row["short_id"]),
        "vault": _name(row["vault"], row["vault_short_id"]),
        "failed": failed,
    }


def _name(name: str | None, short_id: str | None) -> str | None:
    """A name as it is shown: with the beginning of the id where others bear the same name."""
    if name is None or name == "(none)":
        return name
    return f"{abbreviate(name)} ({short_id})" if short_id else abbreviate(name)


def _defined(data: ReportData) -> list[tuple[str, Question]]:
    """Sections with their questions, whose definitions are printed at the end: paper cannot unfold them."""
    figures = [(name, figure.question) for name, figure in data.figures.items()]
    results = [(name, found.question) for name, found in data.results.items() if found.question]
    return figures + results


def _table(name: str, rows: list[dict[str, Any]], columns: list[str], texts: Texts, zone: tzinfo) -> Markup:
    return html_table(name, rows, columns, texts, zone) if rows else Markup()


def _plot(svg: str | None) -> Markup:
    return Markup(svg or "")  # noqa: S704  # drawn by us from numbers and codes, which Vega escapes
