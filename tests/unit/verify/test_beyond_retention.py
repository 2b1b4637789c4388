"""Days that the source no longer serves whole are never complete, whatever else it still serves."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
LONG_AGO = NOW - timedelta(days=6)
KEPT = timedelta(days=3)
FIRST_WHOLE_DAY = date(2026, 11, 18)


class KeepsByEnd(LivingSource):
    """Forgets a task some time after its end, and so never one that is open."""

    def served(self) -> dict[str, dict[str, Any]]:
        shown = {task.id: task.at(self.now) for task in self.tasks if task.ended_at >= self.now - KEPT}
        return {task_id: record for task_id, record in shown.items() if record is not None}


def test_tasks_without_a_start_do_not_show_that_older_days_are_served(tmp_path: Path) -> None:
    """Under a filter on started_at they are in no count but the one without a time."""
    source = living(NOW, 3, Dialect(column="started_at", retention=KEPT))
    task = source.tasks[0]
    source.tasks.append(
        replace(
            task, id="waiting", created_at=NOW, started_at=NOW + KEPT, ended_at=NOW + KEPT, visible_from=NOW
        )
    )
    assert source.served()["waiting"]["started_at"] is None
    bench = Bench(tmp_path, source)
    bench.load()
    assert bench.complete_days()
    assert min(bench.complete_days()) >= FIRST_WHOLE_DAY


@pytest.mark.parametrize("ended_at", [NOW - timedelta(days=1), NOW + timedelta(days=1)])
def test_a_long_task_does_not_show_that_the_days_it_took_are_served(
    tmp_path: Path, ended_at: datetime
) -> None:
    source = KeepsByEnd(NOW, tasks=living(NOW, 3, Dialect()).tasks)
    started_at = LONG_AGO + timedelta(seconds=1)
    source.tasks.append(
        replace(source.tasks[0], id="long", created_at=LONG_AGO, started_at=started_at, ended_at=ended_at)
    )
    source.tasks[-1] = replace(source.tasks[-1], visible_from=LONG_AGO)
    bench = Bench(tmp_path, source)
    bench.load()
    assert bench.complete_days()
    assert min(bench.complete_days()) >= FIRST_WHOLE_DAY


def test_a_task_that_left_the_oldest_day_does_not_make_up_for_one_that_came_late(tmp_path: Path) -> None:
    """One count renews the proof of many days: it must not reach into a day that the source is forgetting."""
    source = LivingSource(NOW, Dialect(retention=timedelta(days=5)))
    for hours in range(8 * 24):
        source.add(Random(hours), NOW.replace(hour=0, minute=10) - timedelta(hours=hours - 12))
    bench = Bench(tmp_path, source)
    bench.load()
    assert min(bench.complete_days()) == date(2026, 11, 16)
    source.now = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    late = source.add(Random(1000), datetime(2026, 11, 17, 3, tzinfo=UTC))
    source.tasks[-1] = replace(late, visible_from=source.now)
    bench.load()
    assert late.id in bench.held()
