"""Days that the source no longer serves whole are never complete, whatever else it still serves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import Bench
from living_source import Dialect, living

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
KEPT = timedelta(days=3)
FIRST_WHOLE_DAY = (NOW - KEPT).date() + timedelta(days=1)


def test_tasks_without_a_start_do_not_show_that_older_days_are_served(tmp_path: Path) -> None:
    """No start_time matches them under a filter on started_at, so that they are in no count but the plain one."""
    source = living(NOW, 3, Dialect(column="started_at", retention=KEPT))
    task = source.tasks[0]
    source.tasks.append(
        replace(task, id="waiting", created_at=NOW, started_at=NOW + KEPT, ended_at=NOW + KEPT, visible_from=NOW)
    )
    assert source.served()["waiting"]["started_at"] is None
    bench = Bench(tmp_path, source)
    bench.load()
    assert bench.complete_days()
    assert min(bench.complete_days()) >= FIRST_WHOLE_DAY
