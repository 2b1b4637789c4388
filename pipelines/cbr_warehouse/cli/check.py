"""``cbr-warehouse check``: the named controls, with who fails and why."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from cbr_warehouse.analytics.alarm_accuracy import read_alarm_accuracy
from cbr_warehouse.cli.invocation import Invocation, invocation_of, utc_now
from cbr_warehouse.cli.json_values import plain, print_json
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.cli.terminal_text import say
from cbr_warehouse.controls.describe import SHOWN, as_values, describe
from cbr_warehouse.controls.evaluate import check_published
from cbr_warehouse.controls.junit import write_junit
from cbr_warehouse.controls.outcome import Outcome, Verdict
from cbr_warehouse.controls.report_failures import report_failures
from cbr_warehouse.remote.place import keep_in_store
from cbr_warehouse.settings.durations import print_duration
from cbr_warehouse.settings.read import ENVIRONMENT


class Format(StrEnum):
    """How outcomes are printed."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def check(
    context: typer.Context,
    *,
    output: Annotated[Format, typer.Option("--format", help="How to print the outcomes.")] = Format.TABLE,
    failing: Annotated[
        bool, typer.Option("--failing", help="Print only controls that fail; a table of none is empty.")
    ] = False,
) -> None:
    """Check the named controls: pass or fail, who and why; exit status 1 where one fails.

    Each control is defined in docs/controls.md; its threshold is in [thresholds], what it leaves out in
    [[exceptions]]. "not applicable" has an empty population; "cannot say" lacks days or parts of the log.
    With [alerts] configured, an alert is sent when other controls fail than at the last check.
    """
    invocation, now = invocation_of(context), utc_now()
    directory = invocation.published_directory
    outcomes = check_published(invocation.published_in(directory), invocation.settings.exceptions, now)
    _note_other_settings(invocation, outcomes)
    _print([one for one in outcomes if not failing or one.verdict is Verdict.FAIL], output, now)
    for failure in report_failures(
        outcomes, invocation.settings.alerts, invocation.environ, directory.check_alerts, now
    ):
        say(f"{failure} It is tried again at the next check.")
    keep_in_store(directory, directory.check_alerts, "check", now)
    raise typer.Exit(1 if any(one.verdict is Verdict.FAIL for one in outcomes) else 0)


def _print(outcomes: Sequence[Outcome], output: Format, now: datetime) -> None:
    match output:
        case Format.JSON:
            print_json([_printable(as_values(one)) for one in outcomes])
        case Format.JUNIT:
            print(write_junit(outcomes, now), end="")
        case Format.TABLE:
            rows = [(SHOWN[one.verdict], one.control.name, _who_and_why(one)) for one in outcomes]
            if rows:
                print_table(("result", "control", "who and why"), rows)


def _who_and_why(outcome: Outcome) -> str:
    """Who and why; of an alarm also how often it is right."""
    if outcome.control.alarm is None:
        return describe(outcome)
    return f"{describe(outcome)} [{read_alarm_accuracy()[outcome.control.alarm].summary}]"


def _printable(values: dict[str, Any]) -> dict[str, Any]:
    settings = {
        name: print_duration(value) if hasattr(value, "total_seconds") else value
        for name, value in values["settings"].items()
    }
    found: dict[str, Any] = plain(values | {"settings": settings})
    return found


def _note_other_settings(invocation: Invocation, outcomes: Sequence[Outcome]) -> None:
    """Says where the configuration has other thresholds than the warehouse was published with."""
    if invocation.settings.place == ENVIRONMENT:
        return
    configured = invocation.settings.analytics
    used = {name: value for one in outcomes for name, value in one.settings.items()}
    if changed := [name for name, value in used.items() if getattr(configured, name) != value]:
        say(
            f"The warehouse was published with another value of {', '.join(sorted(changed))}. The "
            "configured one takes effect with the next 'cbr-warehouse load' or 'cbr-warehouse rebuild'."
        )
