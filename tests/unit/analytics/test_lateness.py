"""How late news comes, and how probably a day is final: cases by hand, and random ones computed again."""

from datetime import date, timedelta
from random import Random

import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.lateness_by_hand import Look, Rules, Sighted, compute_lateness
from support.small_log import SOURCE, Moment, SmallLog, at

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = at("2026-03-01 00:00")
MEASURES = ("created", "ended", "changed", "settled")


def loaded_hourly(days: float = 12, settings: AnalyticsSettings | None = None) -> SmallLog:
    """Loads at every full hour from March 1, each a minute long; the one at 06:00 is deep."""
    log = SmallLog(watermark=None, settings=settings)
    for hour in range(int(24 * days) + 1):
        log.load(FIRST + hour * HOUR, purpose="deep" if hour % 24 == 6 else None)
    return log


def see(log: SmallLog, created_at: Moment, *seen: Moment, minutes: float = 10) -> None:
    """A task that lasts ten minutes, with the times its versions, all with its end, were first seen."""
    task_id = log.backup("disk", created_at, minutes=minutes)
    log.see(task_id, *((moment, {"vault_name": f"name {number}"}) for number, moment in enumerate(seen)))


def measured(log: SmallLog) -> dict[str, dict[str, object]]:
    rows = {str(row["measure"]): row for row in log.open().rows("lateness")}
    assert set(rows) == set(MEASURES)
    return rows


def bounds(row: dict[str, object], name: str = "max") -> tuple[object, object]:
    return row[f"{name}_at_least_seconds"], row[f"{name}_at_most_seconds"]


def test_the_load_interval_is_no_lateness() -> None:
    log = loaded_hourly()
    see(log, "2026-03-02 01:20", "2026-03-02 02:00:10.5")
    rows = measured(log)
    # 40 minutes and 10.5 seconds at most; that it came later than at once is not shown by anything.
    assert bounds(rows["created"]) == (0, 2411)
    assert bounds(rows["ended"]) == (0, 1811)
    assert bounds(rows["settled"]) == bounds(rows["changed"]) == (0, 0)
    assert [row["late"] for row in rows.values()] == [0, 0, 0, 0]
    assert [row["tasks"] for row in rows.values()] == [1, 1, 1, 1]


def test_a_task_that_loads_did_not_receive_is_late() -> None:
    log = loaded_hourly()
    see(log, "2026-03-02 01:20", "2026-03-02 05:00:10")
    rows = measured(log)
    # The load of 02:00 read the time of its creation; those of 03:00 and 04:00 only counted it.
    assert bounds(rows["created"]) == (40 * 60, 3 * 3600 + 40 * 60 + 10)
    assert bounds(rows["ended"]) == (30 * 60, 3 * 3600 + 30 * 60 + 10)
    assert bounds(rows["settled"]) == bounds(rows["created"])
    assert rows["created"]["late"] == rows["ended"]["late"] == rows["settled"]["late"] == 1


def test_a_deep_load_raises_the_lower_bound() -> None:
    log = loaded_hourly()
    see(log, "2026-03-02 01:20", "2026-03-02 09:00:10")
    assert bounds(measured(log)["created"]) == (4 * 3600 + 40 * 60, 7 * 3600 + 40 * 60 + 10)


def test_the_end_of_a_known_task_is_asked_for_by_every_load() -> None:
    log = loaded_hourly()
    task_id = log.backup("disk", "2026-03-02 01:20", minutes=60)
    log.see(task_id, ("2026-03-02 02:00:10", {"ended_at": None}), ("2026-03-02 05:00:10", {}))
    ended = measured(log)["ended"]
    assert bounds(ended) == (100 * 60, 2 * 3600 + 40 * 60 + 10)
    assert ended["late"] == 1


def test_a_change_after_the_end_is_measured_from_the_end() -> None:
    log = loaded_hourly()
    see(log, "2026-03-02 01:20", "2026-03-02 02:00:10", "2026-03-03 10:00:10")
    rows = measured(log)
    # The deep load of March 3, 06:00, did not receive the change.
    assert bounds(rows["changed"]) == (28 * 3600 + 30 * 60, 32 * 3600 + 30 * 60 + 10)
    assert bounds(rows["settled"]) == bounds(rows["changed"])
    assert (rows["created"]["late"], rows["changed"]["late"], rows["settled"]["late"]) == (0, 1, 1)


def test_the_first_load_says_nothing_about_lateness() -> None:
    log = loaded_hourly()
    see(log, "2026-02-27 12:00", "2026-03-01 00:00:10")
    for row in measured(log).values():
        assert (row["tasks"], row["left_out"], row["p50_at_most_seconds"]) == (0, 1, None)


@pytest.mark.parametrize("gap", [35, 37])
def test_an_interruption_of_loads_is_no_lateness(gap: int) -> None:
    log = SmallLog(watermark=None)
    for hour in (0, 1, 2, 2 + gap, 3 + gap):
        log.load(FIRST + hour * HOUR)
    see(log, FIRST + 1.5 * HOUR, FIRST + (2 + gap) * HOUR)
    see(log, FIRST + 12 * HOUR, FIRST + (2 + gap) * HOUR)
    see(log, FIRST + (2.5 + gap) * HOUR, FIRST + (3 + gap) * HOUR)
    created = measured(log)["created"]
    assert (created["tasks"], created["left_out"]) == ((3, 0) if gap == 35 else (1, 2))


def test_what_interrupts_is_a_setting() -> None:
    log = SmallLog(watermark=None, settings=AnalyticsSettings(load_gap=timedelta(days=3)))
    for hour in (0, 60, 61):
        log.load(FIRST + hour * HOUR)
    see(log, FIRST + HOUR, FIRST + 60 * HOUR)
    created = measured(log)["created"]
    assert (created["tasks"], bounds(created)) == (1, (0, 59 * 3600))


def test_only_finished_loads_bound_and_a_range_is_none() -> None:
    log = SmallLog(watermark=None)
    log.load("2026-03-01 00:00").load("2026-03-01 06:00")
    for outcome in ("failed", "interrupted"):
        log.load("2026-03-01 02:00", outcome=outcome)
    log.load("2026-03-01 03:00", until="2026-03-01 02:30")
    see(log, "2026-03-01 01:00", "2026-03-01 06:00:10")
    created = measured(log)["created"]
    assert (created["late"], bounds(created)) == (0, (0, 5 * 3600 + 10))


def test_open_tasks_and_tasks_not_watched_yet_are_pending() -> None:
    log = loaded_hourly(days=8)
    see(log, "2026-03-07 12:00", "2026-03-07 13:00")
    running = log.backup("disk", "2026-03-07 12:00", status="running")
    log.see(running, ("2026-03-07 13:00", {}))
    rows = measured(log)
    assert [rows[name]["pending"] for name in MEASURES] == [0, 1, 1, 2]
    assert [rows[name]["tasks"] for name in MEASURES] == [2, 1, 1, 0]
    assert rows["created"]["watched"] == 0


def test_a_task_seen_before_its_creation_is_not_late() -> None:
    log = loaded_hourly()
    see(log, "2026-03-02 01:20", "2026-03-02 01:19:59", minutes=0)
    assert bounds(measured(log)["created"]) == (0, 0)


def test_percentiles_are_the_smallest_value_that_so_many_do_not_exceed() -> None:
    log = loaded_hourly()
    late = {9_999: 5, 9_998: 4, 9_900: 3, 9_899: 2}
    for number in range(10_000):
        hours = late.get(number, 1)
        see(log, "2026-03-02 01:00", FIRST + DAY + (1 + hours) * HOUR)
    created = measured(log)["created"]
    assert [bounds(created, name)[1] for name in ("p50", "p99", "p9999", "max")] == [
        3600,
        3600,
        4 * 3600,
        5 * 3600,
    ]


def test_nothing_measured_is_said_and_not_left_out() -> None:
    rows = measured(SmallLog())
    assert all(row["tasks"] == 0 and row["max_at_most_seconds"] is None for row in rows.values())


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_agree_with_another_computation(seed: int) -> None:
    chance = Random(seed)
    rules = Rules(timedelta(days=chance.choice((4, 90))), timedelta(days=chance.choice((1, 3))), 20 * HOUR)
    settings = AnalyticsSettings(lateness_period=rules.period, lateness_watch=rules.watch, load_gap=rules.gap)
    log = SmallLog(watermark=None, settings=settings)
    moment, looks = FIRST, []
    for _ in range(60):
        moment += chance.choice((HOUR, HOUR, 5 * HOUR, 9 * HOUR, 21 * HOUR)) + chance.random() * HOUR
        purpose = chance.choice(("incremental", "incremental", "deep", "range"))
        outcome = chance.choice(("done", "done", "done", "failed"))
        log.load(moment, purpose=purpose, outcome=outcome)
        if outcome == "done" and purpose != "range":
            looks.append(Look(moment, moment + timedelta(minutes=1), purpose == "deep"))
    tasks = []
    for _ in range(150):
        created = FIRST + chance.random() * (moment - FIRST)
        ended = created + chance.random() * 9 * HOUR if chance.random() < 0.9 else None
        seen = sorted(
            created + chance.choice((-HOUR / 60, HOUR / 2, 3 * HOUR, 2 * DAY, 9 * DAY)) * chance.random()
            for _ in range(chance.choice((1, 1, 2, 3)))
        )
        versions = tuple((at_, ended is not None and at_ >= ended) for at_ in seen)
        if ended is not None and not versions[-1][1]:
            versions = (*versions, (ended + chance.random() * 20 * HOUR, True))
        tasks.append(Sighted(created, ended, versions))
        task_id = log.backup("disk", created, status="success" if ended else "running", ended_at=ended)
        log.see(task_id, *((at_, {"ended_at": ended if has_end else None}) for at_, has_end in versions))
    expected = compute_lateness(looks, tasks, rules)
    assert sum(row["tasks"] or 0 for row in expected.values()) > 10
    for measure, row in measured(log).items():
        assert {key: row[key] for key in expected[measure]} == expected[measure], measure


def finality(log: SmallLog) -> dict[date, tuple[int, int, float | None]]:
    return {
        row["day"]: (row["days_measured"], row["days_final"], row["probability_final"])
        for row in log.open().rows("day_finality")
    }


def test_a_day_is_as_probably_final_as_earlier_days_were_at_its_age() -> None:
    log = loaded_hourly(days=13.5)  # to March 14, 12:00: the days from March 1 to 6 are watched for a week
    log.cover(*(f"2026-03-{day:02}" for day in range(1, 14)))
    log.cover("2026-03-14", state="open")
    see(log, "2026-03-02 12:00", "2026-03-02 13:00", "2026-03-04 11:00")  # final 35 hours after its end
    see(log, "2026-03-03 12:00", "2026-03-04 06:00")  # final 6 hours after its end
    found = finality(log)
    assert list(found) == [date(2026, 3, day) for day in range(7, 15)]
    assert found[date(2026, 3, 12)] == (6, 6, 7 / 8)  # ended 36 hours before
    assert found[date(2026, 3, 13)] == (6, 5, 6 / 8)  # ended 12 hours before
    assert found[date(2026, 3, 14)] == (6, 4, 0)  # is not over


def test_what_is_sure_to_change_is_not_final() -> None:
    log = loaded_hourly(days=13.5)
    log.cover(*(f"2026-03-{day:02}" for day in range(1, 13)))
    log.cover("2026-03-13", state="incomplete")
    log.backup("disk", "2026-03-12 12:00", status="running")
    found = finality(log)
    assert found[date(2026, 3, 12)][2] == found[date(2026, 3, 13)][2] == 0
    assert found[date(2026, 3, 11)] == (6, 6, 7 / 8)


def test_without_a_watched_day_the_probability_is_unknown() -> None:
    log = loaded_hourly(days=5).cover("2026-03-03", "2026-03-04")
    assert finality(log) == {date(2026, 3, 3): (0, 0, None), date(2026, 3, 4): (0, 0, None)}


def test_a_day_during_which_loads_were_interrupted_is_not_measured() -> None:
    log = SmallLog(watermark=None)
    for hour in (*range(72), *range(72 + 37, 24 * 14)):
        log.load(FIRST + hour * HOUR)
    log.cover(*(f"2026-03-{day:02}" for day in range(1, 15)))
    # Loads run again from March 5, 13:00; only March 5 and 6 are watched for a week from their end on.
    assert finality(log)[date(2026, 3, 12)][:2] == (2, 2)


def test_sources_do_not_mix() -> None:
    log = loaded_hourly()
    log.load("2026-03-05 00:00", source="other").load("2026-03-13 00:00", source="other")
    see(log, "2026-03-02 01:20", "2026-03-02 05:00:10")
    rows = log.open().rows("lateness", "measure = 'created'")
    assert {row["source"]: row["tasks"] for row in rows} == {SOURCE: 1, "other": 0}
