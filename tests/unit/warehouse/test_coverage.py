"""Coverage has every day that was ever asked for, also where loads failed, and open is today alone."""

from datetime import UTC, date, datetime

from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.warehouse.coverage import CoverageRow, coverage_rows

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


def test_a_row_has_what_the_last_verdict_found_and_what_the_tables_hold() -> None:
    """A day that is over has the reason why it is not complete, and the counts of its last verdict."""
    audits = {
        day(16): AuditEntry(day(16), 5, 2, "incomplete", CHECKED, "source_has_more"),
        day(17): AuditEntry(day(17), 4, 1, "open", CHECKED),
        day(19): AuditEntry(day(19), 3, 0, "open", CHECKED),
    }
    held, quarantined = {day(16): 4, day(18): 7}, {day(17): 1, day(19): 6}
    found = list(coverage_rows("prod", audits, held, quarantined, day(17), day(19)))
    assert found == [
        CoverageRow("prod", day(16), 5, 4, 0, 2, "incomplete", "source_has_more", CHECKED),
        CoverageRow("prod", day(17), 4, 0, 1, 1, "unverified", "not_looked_at", CHECKED),
        CoverageRow("prod", day(18), None, 7, 0, 0, "unverified", "not_looked_at", None),
        CoverageRow("prod", day(19), 3, 0, 6, 0, "open", None, CHECKED),
    ]


def test_a_verdict_on_a_day_after_the_last_load_has_its_row() -> None:
    """The clock was ahead when it was given."""
    found = states(AuditEntry(day(21), 3, 0, "open", CHECKED), requested_from=20, today=20)
    assert found == {20: "open", 21: "open"}
