"""Times in every form that the API prints: the door's reading, the tables' and plain Python's agree."""

import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cbr_warehouse.contract.timestamps import parse_instant, print_instant
from support.landed_records import land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST, LAST = datetime(2000, 1, 2, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)
INSTANTS = st.integers(0, (LAST - FIRST) // timedelta(microseconds=1)).map(
    lambda microseconds: FIRST + timedelta(microseconds=microseconds)
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def times(draw: st.DrawFn) -> tuple[str, datetime]:
    """A time as some source prints it, and the instant it tells."""
    instant = draw(INSTANTS)
    digits = draw(st.integers(0, 9))
    zone = draw(st.one_of(st.sampled_from(["", "Z", "z"]), ZONES))
    local = instant if isinstance(zone, str) else instant.astimezone(zone)
    fraction = f"{instant.microsecond:06}000"[:digits]
    text = f"{local:%Y-%m-%d}{draw(st.sampled_from('T '))}{local:%H:%M:%S}" + (
        f".{fraction}" if digits else ""
    )
    kept = int(f"{fraction:0<6}"[:6])
    if isinstance(zone, str):
        return text + zone, instant.replace(microsecond=kept)
    offset = f"{local:%z}"
    shown = draw(st.sampled_from([offset, f"{offset[:3]}:{offset[3:]}"]))
    return text + shown, instant.replace(microsecond=kept)


@given(times())
@example(("2019-05-23T14:35:23.584418", datetime(2019, 5, 23, 14, 35, 23, 584418, UTC)))
@example(("2019-05-23T14:35:23Z", datetime(2019, 5, 23, 14, 35, 23, 0, UTC)))
@example(("2024-05-23T14:35:23.584+00:00", datetime(2024, 5, 23, 14, 35, 23, 584000, UTC)))
@example(("2024-02-29T23:59:59.999999999-00:30", datetime(2024, 3, 1, 0, 29, 59, 999999, UTC)))
def test_a_form_is_read_as_what_it_tells(told: tuple[str, datetime]) -> None:
    text, instant = told
    assert parse_instant(text) == instant


@given(INSTANTS)
def test_what_is_printed_is_read_again(instant: datetime) -> None:
    assert parse_instant(print_instant(instant)) == instant


@given(st.text(max_size=40))
@example("2024-02-30T00:00:00")
@example("2024-01-01T24:00:00")
@example("2024-01-01T00:00:61")
@example("٢٠٢٤-01-01T00:00:00")
@example("2024-01-01")
@example("1700000000")
def test_any_other_text_is_no_time_or_a_real_one(text: str) -> None:
    instant = parse_instant(text)
    assert instant is None or instant.tzinfo is UTC


@pytest.mark.parametrize("text", ["2024-02-30T00:00:00", "2024-01-01T24:00:01", "2024-01-01", "now", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert parse_instant(text) is None


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(times(), times()), min_size=1, max_size=40))
def test_tables_hold_the_instants_that_were_printed(told: list[tuple[tuple[str, datetime], ...]]) -> None:
    records = [
        {"id": f"{number:04}", "created_at": created[0], "ended_at": ended[0]}
        for number, (created, ended) in enumerate(told)
    ]
    with tempfile.TemporaryDirectory() as folder:
        directory = land(Path(folder), "L1", [(printed(record), NOW) for record in records])
        make(directory)
        held = rows(directory, "tasks", ("task_id", "created_at", "ended_at", "day::VARCHAR AS day"))
    assert held == [
        {
            "task_id": f"{number:04}",
            "created_at": created[1],
            "ended_at": ended[1],
            "day": created[1].date().isoformat(),
        }
        for number, (created, ended) in enumerate(told)
    ]
