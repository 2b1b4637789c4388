"""Ended tasks are read again by their age, and a change of one is seen at the next age at the latest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.extract.settle_schedule import AGES, MOST_WINDOWS, due_spans, task_windows
from cbr_warehouse.tables.stored_tasks import FollowedTask
from support.living_source import Dialect, LivingSource
from support.load_bench import DIALECTS, Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
HOUR = timedelta(hours=1)
SETTLE = timedelta(hours=48)


@given(
    gaps=st.lists(st.integers(1, 70 * 60), min_size=1, max_size=40),
    ended=st.integers(0, 60 * 60),
    settle=st.sampled_from([24, 30, 48, 100]),
)
def test_every_age_of_a_task_is_read_however_long_loads_are_apart(
    gaps: list[int], ended: int, settle: int
) -> None:
    loads = [NOW]
    for gap in gaps:
        loads.append(loads[-1] + timedelta(minutes=gap))
    end = NOW + timedelta(minutes=ended)
    for age in {*(one for one in AGES if one < timedelta(hours=settle)), timedelta(hours=settle)}:
        reached = next(((last, now) for last, now in pairwise(loads) if last <= end + age < now), None)
        if reached is not None:
            spans = due_spans(*reached, timedelta(hours=settle))
            assert any(since <= end < (until or NOW) for since, until in spans)


def test_a_load_an_hour_after_the_other_reads_five_hours_of_the_last_two_days() -> None:
    spans = due_spans(NOW - HOUR, NOW, SETTLE)
    assert len(spans) == len(AGES)
    assert sum((until - since for since, until in spans if until), timedelta()) == 5 * HOUR


def test_scattered_tasks_take_few_windows_and_single_ones_none() -> None:
    random = Random(3)
    created = [NOW - timedelta(hours=random.uniform(0, 48)) for _ in range(500)]
    windows = task_windows(FollowedTask(one, one + timedelta(seconds=9), is_open=False) for one in created)
    assert 1 <= len(windows) <= MOST_WINDOWS
    assert task_windows([FollowedTask(NOW, None, is_open=False)]) == []


def hourly(tmp_path: Path, dialect: Dialect) -> Bench:
    """A source with a task each ten minutes, loaded whole and then each hour for half a day."""
    source = LivingSource(NOW, dialect)
    random = Random(4)
    for number in range(-6 * 144, 3 * 144):
        source.add(random, NOW + number * timedelta(minutes=10))
    bench = Bench(tmp_path, source)
    bench.load_first(publish=False)
    return bench


def edit(bench: Bench, *, ended_ago: timedelta) -> str:
    """Changes a task that ended some time ago; ``updated_at`` stays as it is."""
    source = bench.source
    ended = [task for task in source.tasks if task.ended_at <= source.now - ended_ago]
    task = max(ended, key=lambda one: one.ended_at)
    source.tasks[source.tasks.index(task)] = replace(task, outcome="edited")
    return task.id


@pytest.mark.parametrize("name", ["plain", "filters started_at", "filters updated_at", "clamped to 50"])
def test_an_edit_is_seen_at_the_next_age_and_then_edits_are_looked_for(tmp_path: Path, name: str) -> None:
    bench = hourly(tmp_path, DIALECTS[name])
    bench.source.now += HOUR
    quiet = bench.load(publish=False).sources[0].entry
    task_id = edit(bench, ended_ago=timedelta(hours=2))
    seen_after = 0
    while bench.stored()[task_id][0] != "edited":
        bench.source.now += HOUR
        bench.load(publish=False)
        seen_after += 1
        assert seen_after <= 3  # it was two hours old, and is read again when it is four
    bench.source.now += HOUR
    alert = bench.load(publish=False).sources[0].entry
    assert alert.records is not None
    assert quiet.records is not None
    if name != "filters updated_at":  # there tasks are in no window of their creation
        assert quiet.records < 0.6 * alert.records
    second = edit(bench, ended_ago=timedelta(hours=30))
    bench.source.now += HOUR
    bench.load(publish=False)
    assert bench.stored()[second][0] == "edited"


def test_a_task_that_appears_late_is_held_by_the_next_load(tmp_path: Path) -> None:
    """The live edge has only the last hours; the counts of its day show that a task is missing."""
    bench = hourly(tmp_path, Dialect())
    for hours_late in (3, 11, 30):  # of today, of today, of yesterday
        created = bench.source.now - timedelta(hours=hours_late)
        late = bench.source.add(Random(hours_late), created)
        bench.source.tasks[-1] = replace(late, visible_from=bench.source.now + timedelta(minutes=30))
        bench.source.now += HOUR
        assert bench.load(publish=False).sources[0].entry.purpose == "incremental"
        assert late.id in bench.stored()


def test_days_without_a_count_are_read_by_every_load(tmp_path: Path) -> None:
    bench = hourly(tmp_path, Dialect(count="page"))
    task_id = edit(bench, ended_ago=timedelta(hours=20))
    bench.source.now += HOUR
    bench.load(publish=False)
    assert bench.stored()[task_id][0] == "edited"
