"""What the warehouse said at an earlier time, and what ten products would call the same week."""

from typing import Any

import pytest

from support.small_log import SmallLog, at


def test_mondays_answer_can_be_asked_for_on_tuesday() -> None:
    log = SmallLog()
    turned = log.backup("a", "2026-03-09 01:00", status="failed")
    log.see(turned, ("2026-03-09 01:05", {"status": "running"}), ("2026-03-09 05:00", {"status": "failed"}))
    late = log.backup("b", "2026-03-09 01:00")
    log.see(late, ("2026-03-09 12:00", {}))
    nameless = log.backup("", "2026-03-08 12:00")  # counts in no window
    log.see(nameless, ("2026-03-08 13:00", {}))
    found = log.open()

    def known(moment: str) -> dict[str, Any]:
        return {row["task_id"]: row["status"] for row in found.rows(f"as_known_at('{moment}:00+00')")}

    assert known("2026-03-08 12:00") == {}
    assert known("2026-03-09 02:00") == {nameless: "success", turned: "running"}
    assert known("2026-03-09 06:00") == {nameless: "success", turned: "failed"}
    assert known("2026-03-10 00:00") == {nameless: "success", turned: "failed", late: "success"}
    rates = {
        moment: found.row(f"backup_success_as_known_at('{moment}:00+00')")["final_success_rate"]
        for moment in ("2026-03-09 02:00", "2026-03-09 06:00", "2026-03-09 12:00")
    }
    assert list(rates.values()) == [None, 0.0, 0.5]


def test_one_week_scores_differently_under_each_habit() -> None:
    log = SmallLog()
    log.daily("steady", "2026-01-20 01:00", 49)
    log.daily("shaky", "2026-01-20 01:00", 49)
    log.backup("shaky", "2026-03-09 02:00", status="failed")
    log.daily("failing", "2026-01-20 01:00", 46)
    for day in (7, 8, 9):
        log.backup("failing", f"2026-03-0{day} 01:00", status="failed")
    rows = log.open().rows("definition_comparator", order="ALL")
    by_name = {row["whose"]: (row["numerator"], row["denominator"]) for row in rows}
    assert by_name["Clumio-like"] == (1, 3)  # one failure is enough
    assert by_name["AWS-like"] == (2, 3)  # a backup within 24 h of the end
    assert by_name["Commvault-like, N = 1"] == (2, 3)
    assert by_name["Commvault-like, N = 7"] == (3, 3)
    assert by_name["exporters' last_status"] == (1, 3)  # the latest verdict alone
    assert by_name["Azure-like job success"] == (7 + 7 + 4, 7 + 8 + 7)
    assert len({row["definition"] for row in rows}) == len(rows) == 10
    assert {row["window_to"] for row in rows} == {at("2026-03-09 18:00")}
    assert all(row["rate"] == pytest.approx(row["numerator"] / row["denominator"]) for row in rows)


def test_the_comparators_rates_have_no_denominator_of_nothing() -> None:
    log = SmallLog()
    log.backup("silent", "2026-02-20 01:00")
    rows = {row["whose"]: row for row in log.open().rows("definition_comparator")}
    assert len(rows) == 10
    for whose in ("Clumio-like", "Azure-like job success", "Veeam-like", "final success, ours"):
        assert (rows[whose]["numerator"], rows[whose]["denominator"], rows[whose]["rate"]) == (0, 0, None)
    assert (rows["AWS-like"]["rate"], rows["Commvault-like, N = 7"]["rate"]) == (0, 0)


def test_open_tasks_are_no_run_and_no_run_slot_of_any_habit() -> None:
    log = SmallLog()
    log.daily("steady", "2026-03-03 01:00", 7)
    for resource in ("steady", "hanging"):
        log.backup(resource, "2026-03-09 12:00", status="running")
    log.backup("steady", "2026-03-09 13:00", status="waiting")
    log.backup("steady", "2026-03-09 14:00", status="confused")
    rows = {row["whose"]: row for row in log.open().rows("definition_comparator")}
    for whose in ("Clumio-like", "Veeam-like", "exporters' last_status"):
        assert (rows[whose]["numerator"], rows[whose]["denominator"]) == (1, 1), whose
    assert (rows["Azure-like job success"]["denominator"], rows["final success, ours"]["denominator"]) == (
        7,
        7,
    )
