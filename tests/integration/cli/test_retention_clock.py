"""The retention clock of ``status``: how long the oldest unproven day stays whole at the source."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from support.command_line import Workplace

pytestmark = pytest.mark.fault("clock faults")


def clock_of(place: Workplace) -> float | None:
    done = place.run("status", "--json")
    assert done.status == 0, done.err
    (row,) = json.loads(done.out)
    hours: float | None = row["hours_left"]
    return hours


def test_hours_until_the_oldest_unproven_day_begins_to_leave(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    # The count of a page proves nothing of a day, so no day is complete.
    served = emulate("--tasks", "300", "--days", "10", "--freeze", "--dialect", "count=page")
    workplace.configure(served, history="10d")
    assert workplace.run("load").status == 0
    (unproven,) = workplace.sql("SELECT min(day) AS day FROM coverage WHERE state = 'unverified'")
    first = (datetime.now(UTC) - timedelta(days=10)).date()
    assert unproven == {"day": first.isoformat()}
    leaves = datetime.combine(first, datetime.min.time(), UTC) + timedelta(days=30)
    told = clock_of(workplace)
    assert told is not None
    assert abs(told - (leaves - datetime.now(UTC)).total_seconds() / 3600) < 0.2


def test_no_hours_where_all_days_are_proved_or_leaving(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "600", "--days", "33", "--freeze"), history="30d")
    assert workplace.run("load").status == 0
    assert clock_of(workplace) is None


def test_no_hours_for_first_days_that_no_load_can_prove(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    """Of the first day nothing older is served, so ``status`` says that there is nothing to do."""
    workplace.configure(emulate("--tasks", "300", "--days", "10", "--freeze"), history="10d")
    assert workplace.run("load").status == 0
    (unproven,) = workplace.sql("SELECT DISTINCT reason FROM coverage WHERE state = 'unverified'")
    assert unproven == {"reason": "edge_of_retention"}
    assert clock_of(workplace) is None
