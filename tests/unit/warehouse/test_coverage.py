"""Coverage has every day that was ever asked for, also where loads failed, and open is today alone."""

from datetime import UTC, date, datetime

from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.warehouse.coverage import coverage_rows

CHECKED = datetime(2026, 11, 18, 12, tzinfo=UTC)


def day(number: int) -> date:
    return date(2026, 11, number)


def states(*audits: AuditEntry, requested_from: int, today: int) -> dict[int, str]:
    rows = coverage_rows("prod", {one.day: one for one in audits}, {}, {}, day(requested_from), day(today))
    return {row.day.day: row.state for row in rows}


def test_days_of_a_first_load_that_failed_are_not_proved() -> None:
    assert states(requested_from=18, today=20) == {18: "unverified", 19: "unverified", 20: "open"}


def test_a_day_is_open_no_longer_once_it_is_over_though_no_load_looked_again() -> None:
    complete = AuditEntry(day(17), 3, 0, "complete", CHECKED)
    opened = AuditEntry(day(18), 3, 0, "open", CHECKED)
    found = states(complete, opened, requested_from=17, today=20)
    assert found == {17: "complete", 18: "unverified", 19: "unverified", 20: "open"}


def test_days_asked_for_by_hand_before_all_others_come_first() -> None:
    asked = AuditEntry(day(20), 3, 0, "open", CHECKED)
    earlier = AuditEntry(day(16), 3, 0, "complete", CHECKED)
    found = states(earlier, asked, requested_from=18, today=20)
    assert found == {16: "complete", 17: "unverified", 18: "unverified", 19: "unverified", 20: "open"}
