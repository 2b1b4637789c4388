"""What a load counts of the pages that it landed."""

from datetime import UTC, datetime

from cbr_warehouse.extract.counters import LoadCounters, SweepCounters
from cbr_warehouse.raw.landing import Landed
from cbr_warehouse.source.page import Page

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_records_of_a_load_are_counted_by_day_and_rows_of_a_task_by_task() -> None:
    counters = LoadCounters()
    assert counters.repeated == 0
    counters.add(Landed(5, {"2026-11-19": 2, "unknown": 1}, {"a": 2}))
    counters.add(Landed(4, {"2026-11-19": 1}, {"b": 3}))
    counters.add(Landed(1, {}, {}))
    assert (counters.records, dict(counters.distinct)) == (10, {"2026-11-19": 3, "unknown": 1})
    # All but one row of each.
    assert counters.repeated == 1 + 2


def test_pages_of_a_sweep_are_counted_and_reported() -> None:
    received: list[int] = []
    counters = SweepCounters(7, received.append)
    for records in ((b"a", b"b"), (), (b"c",)):
        counters.add(Page(records, None, NOW, None, None, None, 200))
    assert (counters.number, counters.landed, counters.pages, counters.records) == (7, 3, 3, 3)
    assert received == [2, 0, 1]
