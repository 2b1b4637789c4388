"""Days that left the source's retention before they were found complete. Pure."""

from dataclasses import replace
from datetime import date, datetime

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of, days_between
from cbr_warehouse.extract.plan import Horizon, SourceState, first_day
from cbr_warehouse.raw.ledgers import AuditEntry


def find_lost_days(now: datetime, horizon: Horizon, state: SourceState) -> tuple[date, ...]:
    """Days that were once within reach, are no longer, were never complete, and are not yet marked lost.

    Days that the source may have dropped before the first load are not among them: they could never
    have been found complete.

    Args:
        now: The present, UTC.
        horizon: Settings of the source.
        state: What is known of the source.
    """
    if state.first_load_at is None or state.requested_from is None:
        return ()
    reachable = max(day_of(state.first_load_at - RETENTION) + DAY, state.requested_from)
    return tuple(
        day
        for day in days_between(reachable, first_day(now, horizon, state) - DAY)
        if state.states.get(day, DayState.UNVERIFIED) not in {DayState.COMPLETE, DayState.LOST}
    )


def lost_entry(day: date, before: AuditEntry | None) -> AuditEntry:
    """The ledger entry that marks a day as lost; keeps the numbers and the reason of its last verdict."""
    if before is None:
        return AuditEntry(day, None, 0, DayState.LOST.value, None, DayReason.NOT_LOOKED_AT.value)
    # A day that was open when a load last looked has no reason yet.
    reason = before.reason or DayReason.NOT_LOOKED_AT.value
    return replace(before, state=DayState.LOST.value, reason=reason)
