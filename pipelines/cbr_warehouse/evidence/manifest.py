"""The manifest of a pack: clause to controls, control to query, rows and days, and each file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cbr_warehouse.controls.clauses import CLAUSES
from cbr_warehouse.controls.describe import describe
from cbr_warehouse.controls.evaluate import read_outcome
from cbr_warehouse.controls.outcome import Outcome
from cbr_warehouse.evidence.layout import query_file, result_file
from cbr_warehouse.evidence.queries import PackQuery
from cbr_warehouse.evidence.run import Result
from cbr_warehouse.settings.analytics import THRESHOLDS, AnalyticsSettings
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.settings.durations import print_duration

FORMAT = "cbr-warehouse evidence pack 1"


@dataclass(frozen=True)
class Scope:
    """What a pack is about.

    Attributes:
        sources: The sources.
        from_at: Begin of the period, UTC.
        to_at: Its end, UTC: the end of the last backup day, or the watermark where that is earlier.
        settings: The settings of the analytics; ``lookback`` is the period.
        exceptions: The exceptions of controls.
    """

    sources: tuple[str, ...]
    from_at: datetime
    to_at: datetime
    settings: AnalyticsSettings
    exceptions: tuple[ControlException, ...]


def outcomes_of(
    queries: Sequence[PackQuery], results: Mapping[str, Result], settings: AnalyticsSettings
) -> list[Outcome]:
    """The outcomes of the controls, with the evidence that is kept for the page.

    Args:
        queries: The queries.
        results: Their results by name.
        settings: The settings of the analytics.
    """
    return [
        read_outcome(
            one.control,
            results[one.name].first,
            {name: getattr(settings, name) for name in one.control.thresholds},
            one.sql,
        )
        for one in queries
        if one.control is not None
    ]


def manifest_of(
    scope: Scope,
    queries: Sequence[PackQuery],
    results: Mapping[str, Result],
    raw_rows: Mapping[str, int],
    versions: tuple[str, str],
) -> dict[str, Any]:
    """The manifest without the list of files, which is added when all of them are written.

    Args:
        scope: What the pack is about.
        queries: The queries.
        results: Their results by name.
        raw_rows: Rows of each raw table.
        versions: Of this program and of DuckDB.
    """
    outcomes = outcomes_of(queries, results, scope.settings)
    made_by, duckdb_version = versions
    return {
        "format": FORMAT,
        "made_by": f"cbr-warehouse {made_by}",
        "duckdb": duckdb_version,
        "sources": list(scope.sources),
        "period": {"from": scope.from_at.isoformat(), "to": scope.to_at.isoformat()},
        "settings": settings_values(scope.settings),
        "exceptions": [one.model_dump(mode="json") for one in scope.exceptions],
        "clauses": [_clause(clause, outcomes) for clause in CLAUSES],
        "controls": [control_entry(one, results[f"control_{one.control.name}"].rows) for one in outcomes],
        "tables": [
            {"table": one.name, "says": one.says, **_files(one.name), "rows": results[one.name].rows}
            for one in queries
            if one.control is None
        ],
        "raw": [{"table": name, "rows": rows} for name, rows in sorted(raw_rows.items())],
    }


def control_entry(outcome: Outcome, rows: int) -> dict[str, Any]:
    """What the manifest says of a control."""
    control = outcome.control
    return {
        "control": control.name,
        "version": control.version,
        "title": control.title,
        "result": outcome.verdict.value,
        "why": describe(outcome),
        "population": outcome.population,
        "failing": outcome.failing,
        "undecided": outcome.undecided,
        "excepted": outcome.excepted,
        "window": None if outcome.window_from is None else _window(outcome),
        "completeness": {"days": outcome.days, "complete": outcome.complete_days},
        "definition": control.parts["Definition"],
        **_files(f"control_{control.name}"),
        "rows": rows,
    }


def _window(outcome: Outcome) -> list[str | None]:
    ends = (outcome.window_from, outcome.watermark)
    return [None if one is None else one.isoformat() for one in ends]


def _files(name: str) -> dict[str, str]:
    return {"query": query_file(name), "results": result_file(name)}


def _clause(clause: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "clause": clause,
        "demands": CLAUSES[clause],
        "controls": [
            {"control": one.control.name, "shows": support.why}
            for one in outcomes
            for support in one.control.supports
            if support.clause == clause
        ],
    }


def settings_values(settings: AnalyticsSettings) -> dict[str, str | int | float]:
    """The settings as the manifest has them: durations as users write them."""
    return {name: _setting(getattr(settings, name)) for name in ("timezone", "day_anchor", *THRESHOLDS)}


def _setting(value: object) -> str | int | float:
    if isinstance(value, timedelta):
        return print_duration(value)
    return value if isinstance(value, int | float) else str(value)
