"""An alarm is right where something of its kind was made to happen to its subject at its time."""

from datetime import UTC, datetime, timedelta

import pytest

from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import Estate
from cbr_emulator.estate.task import Task
from cbr_warehouse.analytics.alarm_accuracy import Share
from support.alarm_matching import Alarm, Event, Score, events_of, score

DAY = timedelta(days=1)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def alarm(vault: str | None = "v", *resources: str, begins: datetime = AT, lasts: timedelta = DAY) -> Alarm:
    return Alarm("strike", vault, frozenset(resources), begins, begins + lasts)


def event(about: str | None = "v", begins: datetime = AT, *, is_required: bool = True) -> Event:
    return Event(about, begins, begins + DAY, is_required)


@pytest.mark.parametrize(
    ("raised", "is_right"),
    [
        (alarm(), True),
        (alarm("other", "v"), True),
        (alarm("other"), False),
        (alarm(begins=AT + DAY), True),
        (alarm(begins=AT + 2 * DAY), False),
        (alarm(begins=AT - 2 * DAY), False),
    ],
)
def test_subject_and_time_must_both_agree(raised: Alarm, is_right: bool) -> None:
    assert event().matches(raised) is is_right
    assert score([event()], [raised]) == (Score(1, 1, 1, 0, 0) if is_right else Score(1, 0, 0, 0, 1))


def test_what_is_not_found_is_not_hidden_by_another_alarm_that_is_right() -> None:
    assert score([event(), event("w")], [alarm(), alarm(begins=AT + DAY / 2)]) == Score(2, 1, 2, 0, 0)


def test_a_smaller_event_makes_an_alarm_neither_true_nor_false() -> None:
    assert score([event(is_required=False)], [alarm()]) == Score(0, 0, 0, 1, 0)
    assert score([event(is_required=False), event()], [alarm()]) == Score(1, 1, 1, 0, 0)


def test_an_event_of_all_of_the_estate_is_about_every_subject() -> None:
    assert event(None).matches(alarm("anything"))


def failure(number: int, resource: str) -> Task:
    at = AT + number * DAY
    return Task(f"t{number}{resource}", "backup", at, at, at, "failed", "p", "v", "v", "0", {"id": resource})


@pytest.mark.parametrize(("failures", "is_required"), [(3, True), (2, False)])
def test_a_full_vault_is_an_event_of_each_resource_that_failed_often_enough(
    failures: int, is_required: bool
) -> None:
    tasks = tuple(failure(number, name) for number in range(failures) for name in ("a", "b"))
    full = Episode("vault_full", AT, AT + 9 * DAY, tuple(task.id for task in tasks), "v")
    found = events_of(Estate(tasks, (full,)), AT + 9 * DAY)["strike"]
    assert [(one.about, one.is_required) for one in found] == [("a", is_required), ("b", is_required)]
    assert {one.ends_at for one in found} == {AT + (failures - 1) * DAY}


def test_what_is_yet_to_come_is_no_event() -> None:
    tasks = tuple(failure(number, "a") for number in range(5))
    streak = Episode("failing_streak", AT, AT + 9 * DAY, tuple(task.id for task in tasks), "a")
    (seen,) = events_of(Estate(tasks, (streak,)), AT + 1.5 * DAY)["strike"]
    assert (seen.is_required, seen.ends_at) == (False, AT + DAY)
    assert events_of(Estate(tasks, (streak,)), AT - DAY)["strike"] == []


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = Share(95, 100).interval
    assert (round(low, 4), round(high, 4)) == (0.8882, 0.9785)
    assert Share(0, 0).interval == (0, 1)
    assert Share(10, 10).value == 1
    assert Share(10, 10).interval == pytest.approx((0.7225, 1), abs=1e-4)
