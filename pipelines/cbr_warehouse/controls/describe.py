"""Outcomes in words: who fails and why on one line, and as plain values for JSON."""

from typing import Any

from cbr_warehouse.analytics.alarm_accuracy import read_alarm_accuracy
from cbr_warehouse.contract.visible_text import escape_invisible
from cbr_warehouse.controls.catalogue import Control
from cbr_warehouse.controls.outcome import Evidence, Outcome, Verdict

NAMED = 3
"""How many of the worst are named on the line; JSON has all."""

SHOWN = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "FAIL",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.CANNOT_SAY: "cannot say",
}
"""Verdicts as people read them."""


def describe(outcome: Outcome) -> str:
    """Who and why, on one line: the worst by name, how many there are, and what is left out."""
    return "; ".join(part for part in (_main(outcome), *_besides(outcome)) if part)


def as_values(outcome: Outcome) -> dict[str, Any]:
    """An outcome as one object; times are aware UTC, durations ``timedelta``."""
    control = outcome.control
    has_window = control.window is not None
    return {
        "control": control.name,
        "version": control.version,
        "title": control.title,
        "result": outcome.verdict.value,
        "why": describe(outcome),
        "population": outcome.population,
        "failing": outcome.failing,
        "undecided": outcome.undecided,
        "exceptions": [_row(row) for row in outcome.evidence if row.excepted_for is not None],
        "evidence": [_row(row) for row in outcome.found],
        "window": {"from": outcome.window_from, "to": outcome.watermark} if has_window else None,
        "watermark": outcome.watermark,
        "completeness": {"days": outcome.days, "complete": outcome.complete_days} if has_window else None,
        "settings": outcome.settings,
        "clauses": [one.clause for one in control.supports],
        "question": control.parts["Question"],
        "definition": control.parts["Definition"],
        "counted": f"{control.counted}: {control.population}",
        "accuracy": describe_accuracy(control),
        "query": outcome.statement,
    }


def describe_accuracy(control: Control) -> dict[str, Any] | None:
    """How often the alarm of a control is right, as one object; None where it is no alarm."""
    if control.alarm is None:
        return None
    measured = read_alarm_accuracy()[control.alarm]
    return {
        "alarm": measured.alarm,
        "estates": measured.estates,
        "resource_months": measured.resource_months,
        "precision": round(measured.precision.value, 4),
        "recall": round(measured.recall.value, 4),
        "false_per_1000_resource_months": round(measured.false_per_1000_months, 3),
    }


def _row(row: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = {
        "source": row.source,
        "item": row.item,
        "name": row.name,
        "is_judged": row.fails is not None,
        "why": row.why,
        "since": row.since,
    }
    return found if row.excepted_for is None else found | {"excepted_for": row.excepted_for}


def _main(outcome: Outcome) -> str:
    counted = outcome.control.counted
    match outcome.verdict:
        case Verdict.FAIL:
            named = [row for row in outcome.found if row.fails]
            return (
                f"{outcome.failing:,} of {outcome.population:,} {counted}: {_names(named, outcome.failing)}"
            )
        case Verdict.NOT_APPLICABLE:
            return f"no {counted} ({outcome.control.population})"
        case Verdict.CANNOT_SAY if outcome.watermark is None:
            return "no load has finished"
        case Verdict.CANNOT_SAY if outcome.undecided:
            undecided = [row for row in outcome.found if row.fails is None]
            return (
                f"{outcome.undecided:,} of {outcome.population:,} {counted} cannot be judged: "
                f"{_names(undecided, outcome.undecided)}"
            )
        case _:
            return f"0 of {outcome.population:,} {counted}"


def _names(rows: list[Evidence], total: int) -> str:
    texts = (f"{row.name} ({row.why})" if row.why else row.name for row in rows[:NAMED])
    named = ", ".join(escape_invisible(text) for text in texts)
    return named if total <= NAMED else f"{named} and {total - NAMED:,} more"


def _besides(outcome: Outcome) -> list[str]:
    """What else must be known to read the verdict."""
    parts = []
    if outcome.undecided and outcome.verdict is not Verdict.CANNOT_SAY:
        parts.append(f"{outcome.undecided:,} cannot be judged")
    if outcome.excepted:
        parts.append(f"{outcome.excepted:,} excepted")
    if outcome.control.needs_days and outcome.complete_days < outcome.days:
        missing = outcome.days - outcome.complete_days
        parts.append(f"{missing:,} of {outcome.days:,} days of the window are not complete")
    return parts
