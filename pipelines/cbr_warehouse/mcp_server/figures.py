"""Named figures: each one query with its definition and population, in ``figures/*.sql``, and how to run it.

A figure of a window counts what was created in it; the others are of the watermark or of the lookback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from cbr_warehouse.analytics.catalogue import Definition, parse_definition
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.mcp_server.provenance import Window, describe_provenance, require_watermark
from cbr_warehouse.mcp_server.unknowable import find_unknowable
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.warehouse.query import Snapshot


class Span(StrEnum):
    """The time that a figure is about."""

    WINDOW = "window"
    WATERMARK = "watermark"
    LOOKBACK = "lookback"


@dataclass(frozen=True)
class Figure:
    """A named figure.

    Attributes:
        unit: ``count`` (of the numerator) or ``share`` (numerator / denominator, 0 to 1).
        span: The time that it is about.
        population: What is counted, and of what.
        is_of_lookback: Whether nothing before the lookback is known of it.
        needs_inventory: Whether nothing is known of it where the inventory of a source is not loaded.
    """

    unit: str
    span: Span
    population: str
    is_of_lookback: bool = False
    needs_inventory: bool = False


FIGURES = {
    "tasks": Figure("count", Span.WINDOW, "tasks of every type"),
    "backups": Figure("count", Span.WINDOW, "backup tasks, retries included"),
    "failed_backups": Figure("count", Span.WINDOW, "backup tasks, retries included"),
    "attempt_success_rate": Figure("share", Span.WINDOW, "backup tasks that ended with success or failure"),
    "final_success_rate": Figure("share", Span.WINDOW, "resources on backup days that are over"),
    "restores_ok": Figure("count", Span.WINDOW, "restore tasks that ended with success or failure"),
    "deleted_backups": Figure("count", Span.WINDOW, "successful tasks of type delete"),
    "replications_ok": Figure("count", Span.WINDOW, "replication tasks that ended with success or failure"),
    "missed_backups": Figure(
        "count",
        Span.WINDOW,
        "expected backups of schedules, inferred without an inventory",
        is_of_lookback=True,
    ),
    "resources": Figure("count", Span.WATERMARK, "resources that a backup task has named, not removed"),
    "coverage_rate": Figure("share", Span.WATERMARK, "resources in backup, without new ones"),
    "never_backed_up": Figure("count", Span.WATERMARK, "resources in backup"),
    "unprotected_resources": Figure(
        "count", Span.WATERMARK, "resources there are, by the inventory", needs_inventory=True
    ),
    "on_strike": Figure("count", Span.WATERMARK, "resources in backup"),
    "open_tasks": Figure("count", Span.WATERMARK, "tasks of every type"),
    "rpo_time_compliance": Figure("share", Span.LOOKBACK, "hours of resources in backup"),
    "quarantined_records": Figure("count", Span.WATERMARK, "records received that failed validation"),
}


@dataclass(frozen=True)
class FigureRequest:
    """Which figure, and of what.

    Attributes:
        name: Its name.
        source: The only source; None for all.
        since: Beginning of the window; None for 7 days before its end.
        until: End of the window, exclusive; None for the watermark.
    """

    name: str
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_figures() -> list[dict[str, str]]:
    """Every figure with the question it answers."""
    return [
        {
            "name": name,
            "question": read_figure(name).parts["Question"],
            "unit": figure.unit,
            "span": figure.span.value,
        }
        for name, figure in FIGURES.items()
    ]


def compute_figure(snapshot: Snapshot, request: FigureRequest, plain: Callable[[Any], Any]) -> dict[str, Any]:
    """A figure with all that it is made of.

    Args:
        snapshot: The open warehouse.
        request: Which figure, and of what.
        plain: Makes a value one of JSON.

    Raises:
        UsageError: There is no such figure or source, a window is given that it does not have or that is
            empty, or the data cannot say it.
        WarehouseError: Nothing of the window was ever loaded, or the query failed.
    """
    figure = _require(request)
    watermark = require_watermark(snapshot)
    window = _window(snapshot, figure, request, watermark)
    sql = _filled(read_figure(request.name).body, window)
    rows = {row[0]: row[1:] for row in snapshot.query(sql).rows}
    sources, left_out = _require_sources(snapshot, request, window), list[str]()
    if figure.needs_inventory:
        sources, left_out = _with_inventory(request.name, sources, rows)
    parts = [rows.get(name, (0, 0 if _has_denominator(request.name) else None)) for name in sources]
    provenance = describe_provenance(snapshot, window, request.source, plain)
    return {
        "name": request.name,
        **_value(figure, parts),
        "unit": figure.unit,
        "definition": read_figure(request.name).parts["Definition"],
        "edge_cases": read_figure(request.name).parts["Edge cases"],
        "population": f"{figure.population}; source {request.source or 'all: ' + ', '.join(sources)}"
        + (f"; left out for want of an inventory: {', '.join(left_out)}" if left_out else ""),
        "by_source": {name: _value(figure, [part]) for name, part in zip(sources, parts, strict=True)},
        **provenance,
        "sql": sql,
    }


@cache
def read_figure(name: str) -> Definition:
    """The definition of a figure, from its file."""
    text = files("cbr_warehouse.mcp_server").joinpath("figures", f"{name}.sql").read_text(encoding="utf-8")
    return parse_definition(name, "figure", text)


def _require(request: FigureRequest) -> Figure:
    if request.name not in FIGURES:
        subject = find_unknowable(request.name)
        if subject is not None:
            raise UsageError(f"There is no figure for {subject.subject}. {subject.why}")
        raise UsageError(f"There is no figure {request.name!r}. Figures: {', '.join(FIGURES)}.")
    figure = FIGURES[request.name]
    if figure.span is not Span.WINDOW and (request.since or request.until):
        raise UsageError(
            f"{request.name} is of the {figure.span}, not of a window: give neither since nor until. "
            "What was known at an earlier time is in the macros as_known_at and backup_success_as_known_at."
        )
    return figure


def _window(snapshot: Snapshot, figure: Figure, request: FigureRequest, watermark: datetime) -> Window:
    match figure.span:
        case Span.WATERMARK:
            return Window()
        case Span.LOOKBACK:
            return Window(_lookback_begin(snapshot, watermark), watermark)
        case Span.WINDOW:
            end = min(request.until or watermark, watermark)
            begin = request.since or end - timedelta(days=7)
            if begin >= end:
                raise UsageError(
                    f"The window is empty: it begins at {print_instant(begin)}, and ends at "
                    f"{print_instant(end)}, the watermark being {print_instant(watermark)}."
                )
            if figure.is_of_lookback and begin < (first := _lookback_begin(snapshot, watermark)):
                raise UsageError(
                    f"{request.name} is known from {print_instant(first)} on (the setting lookback), so "
                    "there is no number for a window that begins earlier."
                )
            return Window(begin, end)


def _lookback_begin(snapshot: Snapshot, watermark: datetime) -> datetime:
    (row,) = snapshot.query("SELECT epoch(lookback) FROM analytics.settings").rows
    return watermark - timedelta(seconds=row[0])


def _require_sources(snapshot: Snapshot, request: FigureRequest, window: Window) -> list[str]:
    """The sources that were loaded in the window; none is an error, since 0 would be no answer."""
    known = [
        row[0] for row in snapshot.query("SELECT DISTINCT source FROM analytics.day_state ORDER BY 1").rows
    ]
    if request.source is not None and request.source not in known:
        raise UsageError(f"There is no source {request.source!r}. Sources: {', '.join(known)}.")
    loaded = "checked_at IS NOT NULL"
    if window.from_at is not None and window.to_at is not None:
        loaded += f" AND day BETWEEN {literal(window.from_at.date())} AND {literal(window.to_at.date())}"
    if request.source is not None:
        loaded += f" AND source = {literal(request.source)}"
    statement = f"SELECT DISTINCT source FROM analytics.day_state WHERE {loaded} ORDER BY 1"
    found = [row[0] for row in snapshot.query(statement).rows]
    if not found:
        raise WarehouseError(
            "Nothing of that time was ever loaded, so there is no number: 0 would be false. "
            "The table coverage has the days that were."
        )
    return found


def _with_inventory(name: str, sources: list[str], rows: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """The sources whose vaults are loaded, and those left out; without any, 0 would be false."""
    found = [source for source in sources if source in rows]
    if not found:
        raise UsageError(
            f"{name} needs the inventory, and the vaults of none of {', '.join(sources)} are loaded: set "
            "'inventory = true' for a source; analytics.inventory_list has the lists that could not be read. "
            "The log alone names only resources that a task was about."
        )
    return found, [source for source in sources if source not in rows]


def _has_denominator(name: str) -> bool:
    return "NULL AS denominator" not in read_figure(name).body


def _value(figure: Figure, parts: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Numerator and denominator, summed over sources, and the value; no value where nothing was counted."""
    numerator = sum(part[0] for part in parts)
    denominators = [part[1] for part in parts if part[1] is not None]
    denominator = sum(denominators) if denominators else None
    share = numerator / denominator if denominator else None
    return {
        "value": numerator if figure.unit == "count" else share,
        "numerator": numerator,
        "denominator": denominator,
    }


def _filled(sql: str, window: Window) -> str:
    for name, at in (("from_at", window.from_at), ("to_at", window.to_at)):
        if at is not None:
            sql = sql.replace(f"${name}", f"TIMESTAMPTZ {literal(print_instant(at))}")
    return sql
