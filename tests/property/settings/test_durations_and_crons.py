"""What users write for durations and schedules."""

import re
from datetime import timedelta

import dagster
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.settings.cron import parse_cron
from cbr_warehouse.settings.durations import parse_duration

counts = st.integers(0, 99_999)


@given(counts, counts, counts, counts)
def test_a_duration_is_the_sum_of_its_parts(weeks: int, days: int, hours: int, minutes: int) -> None:
    expected = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    assert parse_duration(f"{weeks}w{days}d{hours}h{minutes}m") == expected


@given(st.text(max_size=12))
def test_any_other_text_is_refused_as_no_duration(text: str) -> None:
    if re.fullmatch("(?!$)([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?", text):
        return
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    def item() -> str:
        first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        step = f"/{draw(st.integers(1, max(1, high)))}"
        return draw(
            st.sampled_from(["*", "*" + step, str(first), f"{first}-{last}", f"{first}-{last}{step}"])
        )

    return ",".join(item() for _ in range(draw(st.integers(1, 3))))


def is_accepted_by_dagster(expression: str) -> bool:
    try:
        dagster.ScheduleDefinition(job_name="any", cron_schedule=expression)
    except (dagster.DagsterInvalidDefinitionError, UserWarning):  # warnings are errors in tests
        return False
    return True


def is_accepted(expression: str) -> bool:
    try:
        parse_cron(expression)
    except ValueError:
        return False
    return True


@given(st.tuples(*(fields(low, high) for low, high in bounds)))
def test_a_schedule_passes_if_and_only_if_dagster_accepts_it(parts: tuple[str, ...]) -> None:
    expression = " ".join(parts)
    assert is_accepted(expression) == is_accepted_by_dagster(expression)


@given(st.integers(0, 60), st.integers(0, 25), st.integers(0, 8), st.booleans())
def test_a_usual_schedule_passes_if_and_only_if_dagster_accepts_it(
    minute: int, hour: int, weekday: int, has_step: bool
) -> None:
    """These are checked without importing Dagster."""
    for expression in (
        f"{'*/' if has_step else ''}{minute} {hour} * * {weekday}",
        f"{'*/' if has_step else ''}{minute} * * * *",
        f"{minute} {hour} * * *",
    ):
        assert is_accepted(expression) == is_accepted_by_dagster(expression), expression


@pytest.mark.parametrize(
    "expression",
    [
        "@hourly",
        "@daily",
        "@weekly",
        "@monthly",
        "@yearly",
        "0 6 * JAN-mar Mon-fri",
        "*/15 8-18/2  1,15 * sun",
    ],
)
def test_names_and_lists_pass(expression: str) -> None:
    assert is_accepted_by_dagster(parse_cron(expression))


@given(st.text("0123456789*,-/ @abcjfmnsuoLW#?", max_size=20))
def test_no_text_passes_that_dagster_would_refuse(text: str) -> None:
    if is_accepted(text):
        assert is_accepted_by_dagster(parse_cron(text))
