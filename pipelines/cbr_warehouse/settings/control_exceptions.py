"""Exceptions of controls: the table ``[[exceptions]]``. The controls themselves are in ``controls``."""

from datetime import date, datetime
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from cbr_warehouse.settings.values import Values

ControlName = Literal[
    "rpo_kept",
    "rpo_over_time",
    "no_strikes",
    "ever_backed_up",
    "all_protected",
    "schedule_kept",
    "backups_running",
    "policy_unchanged",
    "failures_made_good",
    "no_partial_success",
    "no_duration_jump",
    "offsite_copy",
    "restore_tested",
    "restore_within_rto",
    "deletions_in_time",
    "no_mass_deletion",
    "retention_kept",
    "days_complete",
    "data_fresh",
    "exceptions_current",
]
CONTROL_NAMES: tuple[str, ...] = get_args(ControlName)
"""The names of all controls, in the order in which they are reported."""

ALLOWED_DAY = "a date such as 2026-12-31, the last day on which the exception holds"
ALLOWED_REASON = "a text in quotes that says why, on one line, at most 500 characters"


def _day(value: object) -> date:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("not a date") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("not a date")


def _reason(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("gives no reason")
    if not value.strip().isprintable():
        raise ValueError("has a character that cannot be shown")
    return value.strip()


class ControlException(Values):
    """What a control leaves out although it fails: a table of ``[[exceptions]]``.

    Attributes:
        control: The control.
        source: Only of this source; None for every one.
        resource: Only this resource, or what else the control lists: a vault, a task or a day; None for all.
        reason: Why.
        until: The last UTC day on which it holds.
    """

    control: ControlName = Field(description=f"the name of a control: {', '.join(CONTROL_NAMES)}")
    source: str | None = Field(
        None, pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\z", description="the name of a source"
    )
    resource: str | None = Field(
        None,
        pattern=r"\A[^\x00-\x1f]{1,256}\z",
        description="an id as the control's evidence has it: of a resource, vault or task, or a day",
    )
    reason: Annotated[str, BeforeValidator(_reason)] = Field(max_length=500, description=ALLOWED_REASON)
    until: Annotated[date, BeforeValidator(_day)] = Field(description=ALLOWED_DAY)
