"""The API takes whole seconds: a window as sent covers the window as meant, and at most a second more."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.source.query import TaskQuery

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=offsets)  # noqa: DTZ001


@given(instants, instants)
def test_a_window_as_sent_covers_the_window_as_meant(start: datetime, end: datetime) -> None:
    sent = TaskQuery(start_time=start, end_time=end).parameters()
    sent_start, sent_end = (
        datetime.strptime(sent[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for name in ("start_time", "end_time")
    )
    second = timedelta(seconds=1)
    assert start - second < sent_start <= start
    assert end <= sent_end < end + second
