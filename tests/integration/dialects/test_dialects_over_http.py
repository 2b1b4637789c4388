"""Every option of the emulator's dialect: the served data is stored, cell by cell."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cbr_emulator.dialect.options import ALLOWED
from support.emulator_server import Warehouse, emulated, lost, resources_of

USUAL = tuple(f"{key}={values[0]}" for key, values in ALLOWED.items())
OTHERS = [(f"{key}={value}",) for key, values in ALLOWED.items() for value in values[1:]]
OTHERS += [("max_limit=50",), ("max_limit=1",), ("retention=none",), ("retention=5d",), ("default_limit=20",)]
OTHERS += [("late=0.3",), ("late=0.3", "late_by=2h"), ("edited=0.3",), ("edited=0.3", "edits=silent")]
OTHERS += [("tick=20s",)]

MIXED = (
    ("order=updated_at", "filter=started_ended", "bounds=exclusive", "max_limit=50"),
    ("order=id", "direction=asc", "count=page", "offset_base=1", "times=offset"),
    (
        "order=started_at",
        "over_limit=refuse",
        "max_limit=100",
        "provider_default=server_disk",
        "nulls=absent",
    ),
    (
        "filter=started_at",
        "count=page",
        "provider_default=server_disk",
        "incremental=string",
        "counters=long",
    ),
    (
        "filter=started_ended",
        "count=page",
        "nulls=empty",
        "extra_info=absent",
        "statuses=undocumented",
        "operation_types=undocumented",
    ),
)
"""Combinations, which may fail where each option alone does not."""


def load_twice(folder: Path, dialect: tuple[str, ...]) -> tuple[int, int]:
    """Loads, advances the clock while tasks begin and end, and loads again.

    Returns:
        Tasks that the source serves, and how many of them are not held in every cell.
    """
    with emulated(tasks=300, days=6, dialect=dialect) as source:
        warehouse = Warehouse(folder, source)
        warehouse.load()
        before = source.truth()
        source.advance(timedelta(hours=7))
        warehouse.load()
        if source.emulator.dialect.edited:
            warehouse.load(deep=True)  # other loads see an edit when its task reaches the next age
        if source.emulator.dialect.tick:
            source.emulator.dialect = replace(source.emulator.dialect, tick=timedelta())
            warehouse.load()  # with a frozen clock, for the comparison
        truth = source.truth()
        assert truth != before
        assert resources_of(truth) <= warehouse.resources()
        return len(truth), len(lost(warehouse, truth))


@pytest.mark.parametrize("dialect", OTHERS + list(MIXED), ids=" ".join)
def test_what_is_served_is_held(
    tmp_path: Path, dialect: tuple[str, ...], proved: Callable[..., None]
) -> None:
    checked, missing = load_twice(tmp_path, dialect)
    proved("dialect", " ".join(dialect), times=2, checked=checked, unit="tasks", lost=missing)


def test_what_is_served_in_the_usual_dialect_is_held(tmp_path: Path, proved: Callable[..., None]) -> None:
    checked, missing = load_twice(tmp_path, USUAL)
    for switch in (*USUAL, "max_limit=1000", "retention=30d"):
        proved("dialect", switch, times=2, checked=checked, unit="tasks", lost=missing)
