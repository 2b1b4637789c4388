"""Ways in which other extractors lose rows during pagination."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from support.emulator_server import Emulated, Warehouse, emulated, lost

CLAMPED = "limit of 100 or more clamped to 50: rows skipped by advancing by the requested limit"
EXPIRING = "rows expiring while pages are read: rows skipped because the others move up"
ARRIVING = "tasks appearing while pages are read: rows received twice because the others move down"


@pytest.mark.parametrize("most", [50, 7])
def test_a_clamped_limit_loses_and_doubles_nothing(
    tmp_path: Path, most: int, proved: Callable[..., None]
) -> None:
    """With 100 clamped to 50, one leading library lost 500 of 1,000 rows, another 950, without an error."""
    with emulated(tasks=1000, days=10, dialect=[f"max_limit={most}"]) as source:
        warehouse = Warehouse(tmp_path, source)
        warehouse.load()
        truth = source.truth()
        assert len(truth) >= 900
        assert warehouse.tasks().keys() == truth.keys()
        assert any(int(query["limit"]) > most for query in source.lists)
        missing = lost(warehouse, truth)
        times = len(source.lists)
        proved("peer failure", CLAMPED, times=times, checked=len(truth), unit="rows", lost=len(missing))


@pytest.mark.parametrize("minutes", [2, 6])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_rows_that_expire_while_paging_take_no_living_row_with_them(
    tmp_path: Path, direction: str, minutes: int, proved: Callable[..., None]
) -> None:
    """In ascending order, each expired row shifts the others up: the next page begins too late."""
    with emulated(
        tasks=1500, days=4, dialect=["retention=4d", "max_limit=50", f"direction={direction}"]
    ) as source:
        warehouse = Warehouse(tmp_path, source)
        before = source.truth()
        source.after_list = lambda _query: expire(source, minutes)
        warehouse.load()
        source.after_list = lambda _query: None
        alive = {task_id: record for task_id, record in source.truth().items() if task_id in before}
        held = warehouse.tasks()
        assert len(alive) < len(before), "nothing expired"
        missing = [task_id for task_id in alive if task_id not in held]
        times = len(before) - len(alive)
        proved("peer failure", EXPIRING, times=times, checked=len(alive), unit="rows", lost=len(missing))


def expire(source: Emulated, minutes: int) -> None:
    """Advances the clock while the pages of sweeps are read."""
    if len(source.lists) <= 80:
        source.advance(timedelta(minutes=minutes))


def test_tasks_that_appear_while_paging_are_neither_doubled_nor_lost(
    tmp_path: Path, proved: Callable[..., None]
) -> None:
    """In descending order, each new row shifts the others down: the next page repeats rows."""
    with emulated(tasks=1500, days=4, dialect=["max_limit=50"]) as source:
        warehouse = Warehouse(tmp_path, source)
        before = source.truth()
        source.after_list = lambda _query: source.advance(timedelta(minutes=3))
        warehouse.load()
        source.after_list = lambda _query: None
        warehouse.load()
        truth = source.truth()
        missing = lost(warehouse, truth)
        times = len(truth.keys() - before.keys())
        proved("peer failure", ARRIVING, times=times, checked=len(truth), unit="rows", lost=len(missing))
