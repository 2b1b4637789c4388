"""Every fault of the emulator: the load ends, and stored data equals served data, cell by cell."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.emulator_server import Warehouse, emulated, lost, resources_of

FAULTS = {
    "throttle": ("throttle=0.3",),
    "retry_after": ("throttle=0.3", "retry_after=1"),
    "quota": ("quota=16/1s",),
    "gateway": ("gateway=0.3",),
    "error_500": ("error_500=0.3",),
    "error_503": ("error_503=0.3",),
    "reset": ("reset=0.3",),
    "truncate": ("truncate=0.2",),
    "corrupt": ("corrupt=0.2",),
    "stall": ("stall=0.05",),
    "stall_for": ("stall=0.1", "stall_for=1s"),
    "expire_token": ("expire_token=20",),
    "skew ahead": ("skew=14m",),
    "skew behind": ("skew=-14m",),
    "forbid": ("forbid=vaults", "forbid=backups"),
    "not_offered": ("not_offered=protectables",),
    "vanish": ("vanish=0.3",),
    "by schedule": ("throttle=@1-4,9", "gateway=@12,14-17", "retry_after=1"),
}
"""Values for each fault. Waits are short, so rates may be high; unreadable responses: 8 attempts at most."""

ALL_AT_ONCE = ("throttle=0.1", "retry_after=1", "gateway=0.1", "truncate=0.1", "corrupt=0.1")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_loses_nothing(tmp_path: Path, kind: str, proved: Callable[..., None]) -> None:
    served, missing, checked = load_under(tmp_path, FAULTS[kind])
    times = sum(served.values())
    proved("fault", " ".join(FAULTS[kind]), times=times, checked=checked, unit="tasks", lost=missing)


def test_all_faults_together_lose_nothing(tmp_path: Path, proved: Callable[..., None]) -> None:
    served, missing, checked = load_under(tmp_path, ALL_AT_ONCE)
    assert len(served) == len(ALL_AT_ONCE) - 1
    times = sum(served.values())
    proved("fault", " ".join(ALL_AT_ONCE), times=times, checked=checked, unit="tasks", lost=missing)


def load_under(folder: Path, faults: tuple[str, ...]) -> tuple[dict[str, int], int, int]:
    """Loads from a source with this fault.

    Returns:
        How often each fault was served, the tasks not held in every cell, and all tasks served.
    """
    with emulated(tasks=1500, days=15, dialect=["max_limit=50"], fault=faults) as source:
        has_inventory = faults[0].partition("=")[0] in {"forbid", "not_offered", "vanish"}
        warehouse = Warehouse(folder, source, password="expire_token" in faults[0], inventory=has_inventory)
        report = warehouse.load()
        assert report.exit_status(strict=False) == 0, report
        truth = source.truth()
        assert warehouse.resources() == resources_of(truth)
        assert warehouse.tasks().keys() == truth.keys()
        served = source.emulator.faults.counts
        if "skew" in faults[0]:
            served = {"skew": source.emulator.faults.requests}  # it affects every request
        return served, len(lost(warehouse, truth)), len(truth)
