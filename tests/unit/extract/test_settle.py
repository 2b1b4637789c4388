"""How long after its end a task may still change: configured, measured within bounds, or the default."""

from datetime import UTC, datetime, timedelta

import pytest

from cbr_warehouse.extract.settle import DEFAULT, LEAST, LEAST_TASKS, MOST, choose_settle
from cbr_warehouse.raw.ledgers import LatenessFinding

AT = datetime(2026, 3, 10, tzinfo=UTC)


def found(seconds: int | None, tasks: int = 20_000, late: int = 3) -> LatenessFinding:
    return LatenessFinding(AT, tasks, late, seconds)


@pytest.mark.parametrize(
    ("seconds", "hours"),
    [
        (0, 24),
        (24 * 3600, 24),
        (24 * 3600 + 1, 25),
        (30 * 3600, 30),
        (167 * 3600 + 1, 168),
        (168 * 3600 + 1, 168),
        (900 * 3600, 168),
    ],
)
def test_what_was_measured_counts_in_whole_hours_within_bounds(seconds: int, hours: int) -> None:
    settle = choose_settle(None, found(seconds))
    assert settle.duration == timedelta(hours=hours)
    assert LEAST <= settle.duration <= MOST
    assert settle.reason.startswith("measured on 2026-03-10 from 20,000 tasks, of which 3 appeared late")


def test_the_reason_says_what_bounds_it() -> None:
    assert choose_settle(None, found(0)).reason.endswith("within 0m. It is never less than 1d.")
    assert choose_settle(None, found(30 * 3600)).reason.endswith("within 1d6h.")
    most = choose_settle(None, found(900 * 3600)).reason
    assert most.endswith("within 37d12h. More than 7d is left to the daily deep load.")


@pytest.mark.parametrize("measured", [None, found(None, tasks=0), found(900 * 3600, tasks=LEAST_TASKS - 1)])
def test_too_little_measured_leaves_the_default_and_says_so(measured: LatenessFinding | None) -> None:
    settle = choose_settle(None, measured)
    assert settle.duration == DEFAULT
    assert settle.reason.startswith("the default: ")
    assert ("999 tasks" in settle.reason) == (measured is not None and measured.tasks > 0)


@pytest.mark.parametrize("hours", [0, 6, 48, 2000])
def test_a_configured_value_wins(hours: int) -> None:
    settle = choose_settle(timedelta(hours=hours), found(30 * 3600))
    assert (settle.duration, settle.reason) == (timedelta(hours=hours), "as configured.")
