"""Days that the source no longer serves whole are never complete, whatever else it still serves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import Bench
from living_source import Dialect, LivingSource, living

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
LONG_AGO = NOW - timedelta(days=6)
KEPT = timedelta(days=3)
FIRST_WHOLE_DAY = (NOW - KEPT).date() + timedelta(days=1)


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
