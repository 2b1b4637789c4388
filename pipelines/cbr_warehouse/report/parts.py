"""The sections of the page below the verdict: plots, then tables whose rows lead to one another."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from string import ascii_uppercase
from typing import Any

from markupsafe import Markup

from cbr_warehouse.report.by_week import gather, gather_rates, is_long, week_of
from cbr_warehouse.report.calendar_map import plot_calendar
from cbr_warehouse.report.collect_data import ReportData
from cbr_warehouse.report.estate import estate_tables, remark_of
from cbr_warehouse.report.formatting import abbreviate, count, moment, named, percent
from cbr_warehouse.report.plot_style import IncidentMark, Size, both_sizes
from cbr_warehouse.report.plots import plot_causes, plot_offsite, plot_trend, plot_unprotected
from cbr_warehouse.report.problems import vendor_text
from cbr_warehouse.report.tables import html_table
from cbr_warehouse.report.texts import Texts

Rows = list[dict[str, Any]]


_ROWS_ON_PAPER = {"causes": 6, "incidents": 6, "vaults": 6, "not_protected": 4}
"""How many rows of these tables the style sheet prints."""


@dataclass(frozen=True)
class Part:
    """A section with a table or a plot.

    Attributes:
        name: Its section in the texts.
        query: The query whose rows it shows.
        html: Its content; empty if there is nothing to show.
        is_table: Whether the content is a table, which may scroll sideways.
        empty: The section of the text that is shown instead of empty content.
        remark: A sentence above the content; empty for none.
        cut: A sentence for paper, which leaves rows out; empty where it has all.
    """

    name: str
    query: str
    html: Markup
    is_table: bool
    empty: str
    remark: str = ""
    cut: str = ""


def anchors_of(data: ReportData) -> dict[Any, str]:
    """Ids in the page, of resources by source and id, of vaults by source, None and id, of causes by code."""
    anchors: dict[Any, str] = {}
    for number, row in enumerate(data.results["worst"].rows, 1):
        anchors[row["source"], row["resource_id"]] = f"resource-{number}"
    for number, row in enumerate(data.results["vaults"].rows, 1):
        anchors[row["source"], None, row["vault_id"]] = f"vault-{number}"
    for number, row in enumerate(data.results["causes"].rows, 1):
        anchors[row["error_code"]] = f"cause-{number}"
    return anchors


def build_parts(data: ReportData, texts: Texts) -> list[Part]:
    """The sections of a page, in their order.

    Args:
        data: The report's data; it has a period.
        texts: The words.
    """
    return [*_plots(data, texts), *_tables(data, texts)]


def _plots(data: ReportData, texts: Texts) -> Iterable[Part]:
    rows = {name: result.rows for name, result in data.results.items()}
    trend, causes = rows["trend"], rows["causes_daily"]
    first = min((row["backup_day"] for row in trend), default=None)
    exposed = [row for row in rows["unprotected_daily"] if first and row["backup_day"] >= first]
    target = float(data.settings["success_target"])
    days = [(row["letter"], _backup_day(row["began_at"], data)) for row in named_incidents(data)]
    daily = marks = tuple(IncidentMark(letter, str(day)) for letter, day in days)
    unit = "day"
    if is_long(trend):
        unit, marks = "week", tuple(IncidentMark(letter, str(week_of(day))) for letter, day in days)
        causes = gather(causes, ["failures"], ["error_code"])
        exposed = gather(exposed, ["unprotected_hours"])
    lines = gather_rates(trend) if unit == "week" else trend
    plots: tuple[tuple[str, str, Callable[[Size], str | None]], ...] = (
        ("calendar_map", "trend", lambda size: plot_calendar(trend, texts, target, size, daily)),
        ("trend", "trend", lambda size: plot_trend(lines, texts, size, target, marks, unit)),
        ("causes_daily", "causes_daily", lambda size: plot_causes(causes, texts, size, marks, unit)),
        (
            "unprotected_daily",
            "unprotected_daily",
            lambda size: plot_unprotected(exposed, texts, size, marks, unit),
        ),
        ("offsite_curve", "offsite_curve", lambda size: plot_offsite(rows["offsite_curve"], texts, size)),
    )
    for name, query, plot in plots:
        remark = _copied(rows["offsite_curve"], texts) if name == "offsite_curve" else ""
        yield Part(name, query, both_sizes(plot), is_table=False, empty=name, remark=remark)


def _copied(rows: Rows, texts: Texts) -> str:
    if not rows:
        return ""
    last = rows[-1]
    lost = last["total"] - last["resources"]
    return texts(
        "offsite_curve", "copied", n=count(last["resources"]), total=count(last["total"]), lost=count(lost)
    )


def named_incidents(data: ReportData) -> Rows:
    """The incidents in the order in which they began, each with its ``letter`` in the plots."""
    rows = sorted(
        data.results["incidents"].rows, key=lambda row: (row["began_at"], row["source"], row["error_code"])
    )
    return [row | {"letter": letter} for letter, row in zip(ascii_uppercase, rows, strict=False)]


def _backup_day(began_at: Any, data: ReportData) -> Any:
    return (began_at.astimezone(data.zone).replace(tzinfo=None) - data.day_anchor).date()


def _tables(data: ReportData, texts: Texts) -> Iterable[Part]:
    results, anchors = data.results, anchors_of(data)
    source = " source" if len(results["watermark"].rows) > 1 else ""
    tables: list[tuple[str, Rows, str]] = [
        (
            "incidents",
            [_incident(row, texts, anchors) for row in reversed(named_incidents(data))],
            "incident began_at duration_hours hit vaults failure_rate" + source,
        ),
        (
            "worst",
            [_worst(row, data, texts, anchors) for row in results["worst"].rows],
            "resource vault unprotected_hours strikes failed last_rp_age_hours cause recovery schedule_basis"
            + source,
        ),
        *estate_tables(data, texts),
        (
            "causes",
            [_cause(row, texts, anchors) for row in results["causes"].rows],
            "error_code class failures share resources text advice last_seen_at",
        ),
        (
            "vaults",
            [_vault(row, anchors) for row in results["vaults"].rows],
            "vault protected windows final_success_rate wilson_lower resources" + source,
        ),
        (
            "findings",
            [_finding(one, texts) for one in data.verdict.findings],
            "finding found share_of watch act grade",
        ),
        (
            "completeness",
            [
                row | {"what_to_do": texts.remedy(row["state"], row["reason"])}
                for row in results["completeness"].rows
            ],
            "source state reason days first_day last_day missing what_to_do",
        ),
        ("watermark", results["watermark"].rows, "source watermark tasks open unknown quarantined"),
    ]
    for name, rows, columns in tables:
        html = html_table(name, rows, columns.split(), texts, data.zone) if rows else Markup()
        remark = remark_of(data, texts) if name == "not_protected" else ""
        shown = _ROWS_ON_PAPER.get(name, len(rows))
        cut = texts("figure", "cut", shown=shown, n=count(len(rows))) if shown < len(rows) else ""
        yield Part(name, name, html, is_table=True, empty=name, remark=remark, cut=cut)


def _incident(row: dict[str, Any], texts: Texts, anchors: dict[Any, str]) -> dict[str, Any]:
    text = vendor_text(row, "text", texts)
    code = texts.word(row["error_code"]) if row["error_code"] == "(none)" else abbreviate(row["error_code"])
    name = f"{abbreviate(text, 160)} ({code.removeprefix('BackupService.')})" if text else code
    return row | {
        "anchor": f"incident-{row['letter']}",
        "incident": f"{row['letter']}: {name}",
        "links": {"incident": anchors.get(row["error_code"])},
    }


def _worst(row: dict[str, Any], data: ReportData, texts: Texts, anchors: dict[Any, str]) -> dict[str, Any]:
    failed = texts("worst", "failed", failures=count(row["failures"]), attempts=count(row["attempts"]))
    is_well = row["recovered_at"] is not None
    return row | {
        "anchor": anchors[row["source"], row["resource_id"]],
        "resource": named(row["resource"], row["short_id"]),
        "vault": named(row["vault"], row["vault_short_id"]),
        "failed": failed,
        "cause": row["cause"].removeprefix("BackupService."),
        "recovery": moment(row["recovered_at"], data.zone) if is_well else texts("worst", "not_yet"),
        "links": {
            "vault": anchors.get((row["source"], None, row["vault_id"])),
            "cause": anchors.get(row["cause"]),
        },
    }


def _cause(row: dict[str, Any], texts: Texts, anchors: dict[Any, str]) -> dict[str, Any]:
    return row | {
        "anchor": anchors[row["error_code"]],
        "text": vendor_text(row, "text", texts),
        "advice": vendor_text(row, "advice", texts),
    }


def _vault(row: dict[str, Any], anchors: dict[Any, str]) -> dict[str, Any]:
    return row | {
        "anchor": anchors[row["source"], None, row["vault_id"]],
        "vault": named(row["vault"], row["vault_short_id"]),
    }


def _finding(one: Any, texts: Texts) -> dict[str, Any]:
    limit = partial(texts, "findings", "from_share")
    return {
        "finding": texts("finding", one.name),
        "found": texts("findings", "of", n=count(one.n), total=count(one.total)),
        "share_of": percent(one.share) if one.total else "–",
        "watch": limit(share=percent(one.watch)),
        "act": "–" if one.act is None else limit(share=percent(one.act)),
        "grade": texts("grade", one.grade.word),
    }
