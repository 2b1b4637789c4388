"""Ways in which other extractors lose rows at window boundaries and after the lookback."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cbr_emulator.estate.generate import Estate
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.record_store import EstateRecords
from support.emulator_server import NOW, Emulated, Warehouse, cells, emulated, lost, write_records

EDGES = "rows within a second of a window boundary: lost between windows a second apart"
LATE_END = "tasks that end long after the lookback: never read again"

OFFSETS = (-1.0, -0.999999, -0.5, -0.001, -0.000001, 0.0, 0.000001, 0.001, 0.5, 0.999, 0.999999, 1.0)
"""Seconds from a window boundary."""


@pytest.mark.parametrize("bounds", ["inclusive", "exclusive"])
@pytest.mark.parametrize("column", ["created_at", "started_at", "started_ended"])
def test_rows_at_window_boundaries_are_stored(
    tmp_path: Path, bounds: str, column: str, proved: Callable[..., None]
) -> None:
    """With one-hour slices and a granularity of one second, another extractor lost 47 of 47 such rows."""
    midnights = [NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=n) for n in range(7)]
    joints = [midnight + timedelta(hours=hours) for midnight in midnights for hours in (-1, 0, 1, 12)]
    records = [
        edge_task(number, joint + timedelta(seconds=offset))
        for number, (joint, offset) in enumerate((joint, offset) for joint in joints for offset in OFFSETS)
    ]
    file = write_records(tmp_path / "records.json", records)
    with emulated(records=file, dialect=[f"bounds={bounds}", f"filter={column}"]) as source:
        warehouse = Warehouse(tmp_path / "data", source, history="8d")
        warehouse.load()
        truth = {record["id"]: record for record in records}
        missing = lost(warehouse, truth)
        proved("peer failure", EDGES, times=len(joints), checked=len(truth), unit="rows", lost=len(missing))


@pytest.mark.parametrize("column", ["created_at", "started_ended"])
def test_a_task_that_ends_long_after_the_lookback_is_read_again(
    tmp_path: Path, column: str, proved: Callable[..., None]
) -> None:
    """The tasks end 11 to 25 days after their begin, beyond the reach of any window."""
    with emulated(tasks=300, days=6, dialect=[f"filter={column}"]) as source:
        ends = let_tasks_run_long(source)
        warehouse = Warehouse(tmp_path, source)
        warehouse.load()
        assert all(warehouse.tasks()[task_id] == cells(source.truth()[task_id]) for task_id in ends)
        for task_id, end in sorted(ends.items(), key=lambda item: item[1]):
            source.advance(end - source.now - timedelta(hours=1))
            warehouse.load(deep=True)  # the daily one; the next is an hourly load
            source.advance(timedelta(hours=2))
            report = warehouse.load()
            assert report.sources[0].entry.purpose == "incremental"
            assert warehouse.tasks()[task_id] == cells(source.truth()[task_id]), task_id
        late = {task_id: source.truth()[task_id] for task_id in ends}
        assert {record["status"] for record in late.values()} == {"success", "failed"}
        missing = lost(warehouse, late)
        proved("peer failure", LATE_END, times=len(late), checked=len(late), unit="tasks", lost=len(missing))


def let_tasks_run_long(source: Emulated) -> dict[str, datetime]:
    """Makes some tasks of three days ago end much later; returns their ends."""
    served: Any = source.emulator.served
    tasks = list(served._tasks)
    days = (8, 12, 17, 22)
    chosen = [
        place
        for place, task in enumerate(tasks)
        if task.ended_at and NOW - timedelta(days=3) < task.ended_at < NOW - timedelta(days=2)
        if task.operation_type == "backup"
    ][: len(days)]
    for place, later in zip(chosen, days, strict=True):
        outcome = "failed" if later == 12 else "success"
        tasks[place] = replace(tasks[place], ended_at=NOW + timedelta(days=later), outcome=outcome)
    source.emulator.served = EstateRecords(Estate(tuple(tasks), ()), PROJECT)
    return {tasks[place].id: NOW + timedelta(days=later) for place, later in zip(chosen, days, strict=True)}


def edge_task(number: int, created_at: datetime) -> dict[str, Any]:
    """A task that starts immediately and ends within the second."""
    times = {
        "created_at": created_at,
        "started_at": created_at,
        "ended_at": created_at + timedelta(microseconds=1),
        "updated_at": created_at + timedelta(microseconds=1),
    }
    return {
        "id": f"{number:032x}",
        "operation_type": "backup",
        "status": "success",
        "project_id": PROJECT,
        **{name: time.astimezone(UTC).replace(tzinfo=None).isoformat() for name, time in times.items()},
        "error_info": {"code": "", "message": ""},
        "extra_info": {"common": {"progress": 100}},
    }
