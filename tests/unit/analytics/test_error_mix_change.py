"""What changed in the causes of failed backups since last week."""

from datetime import timedelta
from math import log2
from typing import Any

import pytest

from support.small_log import SmallLog, at

NOW, BEFORE = at("2026-03-07 12:00"), at("2026-02-28 12:00")


def failed(log: SmallLog, code: str | None, before: int, now: int) -> None:
    for moment, times in ((BEFORE, before), (NOW, now)):
        for number in range(times):
            moment_of = moment + timedelta(minutes=number)
            log.backup(f"disk-{number % 3}", moment_of, status="failed", error_code=code)


def mix(log: SmallLog) -> dict[str, dict[str, Any]]:
    return {row["error_code"]: row for row in log.open().rows("error_mix_change")}


def test_new_gone_rising_and_falling_codes_are_told_from_chance() -> None:
    log = SmallLog()
    failed(log, "new", 0, 2)
    failed(log, "gone", 2, 0)
    failed(log, "rising", 4, 20)
    failed(log, "falling", 20, 4)
    failed(log, None, 5, 8)
    rows = mix(log)
    changes = {code: row["change"] for code, row in rows.items()}
    assert changes.pop("(none)") == "same"
    assert changes == {code: code for code in ("new", "gone", "rising", "falling")}
    assert {(row["n_before"], row["n_now"]) for row in rows.values()} == {(31, 34)}
    assert (rows["rising"]["share_before"], rows["rising"]["share_now"]) == (4 / 31, 20 / 34)
    assert rows["rising"]["resources_now"] == 3


@pytest.mark.parametrize(
    ("before", "now", "divergence"),
    [
        ({"a": 3, "b": 1}, {"a": 6, "b": 2}, 0),
        ({"a": 3}, {"b": 5}, 1),
        (
            {"a": 1, "b": 1},
            {"a": 2},
            0.25 * log2(0.5 / 0.75) + 0.25 * log2(0.5 / 0.25) + 0.5 * log2(1 / 0.75),
        ),
    ],
)
def test_the_divergence_of_the_two_mixes(
    before: dict[str, int], now: dict[str, int], divergence: float
) -> None:
    log = SmallLog()
    for code in sorted({*before, *now}):
        failed(log, code, before.get(code, 0), now.get(code, 0))
    rows = mix(log).values()
    assert [row["js_divergence"] for row in rows] == [pytest.approx(divergence)] * len(rows)


def test_a_week_without_failures_has_no_mix() -> None:
    log = SmallLog()
    failed(log, "a", 0, 2)
    row = mix(log)["a"]
    assert (row["js_divergence"], row["share_before"], row["share_now"], row["n_before"]) == (
        None,
        None,
        1.0,
        0,
    )


def test_only_a_history_of_two_weeks_is_comparable() -> None:
    log = SmallLog()
    failed(log, "a", 0, 2)
    assert mix(log)["a"]["is_comparable"] is False
    log.backup("disk", "2026-02-24 00:00")
    assert mix(log)["a"]["is_comparable"] is True


def test_a_code_that_came_back_shows_when_it_was_first_seen() -> None:
    log = SmallLog()
    log.backup("disk", "2026-01-01 00:00", status="failed", error_code="a")
    failed(log, "a", 0, 1)
    row = mix(log)["a"]
    assert (row["change"], row["first_seen_at"]) == ("new", at("2026-01-01 00:00"))


def test_only_backups_count_and_the_edge_belongs_to_the_later_week() -> None:
    log = SmallLog("2026-03-10 00:00")
    made = log.backup("disk", "2026-03-03 00:00", status="failed", error_code="a")
    log.copy(made, "2026-03-04 00:00", status="failed", error_code="b")
    log.backup("disk", "2026-02-23 23:59", status="failed", error_code="c")
    rows = mix(log)
    assert {code: (row["failures_before"], row["failures_now"]) for code, row in rows.items()} == {
        "a": (0, 1)
    }
