"""What is not protected, from a real server: beside its truth, after a rebuild, and without an inventory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.warehouse.build import build_warehouse
from support.emulator_server import Emulated, Warehouse, emulated

NEVER = "SELECT resource_id FROM unprotected_resources WHERE reason = 'never_enrolled'"


@contextmanager
def loaded(folder: Path, **options: Any) -> Iterator[tuple[Emulated, Warehouse]]:
    with emulated(tasks=900, days=20, **options) as source:
        warehouse = Warehouse(folder, source, inventory=True)
        warehouse.load()
        yield source, warehouse


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulated, Warehouse]]:
    with loaded(tmp_path_factory.mktemp("estate")) as found:
        yield found


def contents(warehouse: Warehouse) -> dict[str, list[Any]]:
    return {table: list(warehouse.ask(f"FROM {table} ORDER BY ALL")) for table in ALL_INVENTORY_TABLES}


def test_what_was_never_enrolled_is_what_the_source_says(estate: tuple[Emulated, Warehouse]) -> None:
    source, warehouse = estate
    with urlopen(f"{source.url}/__emulator/truth") as answer:
        truth = json.load(answer)["inventory"]
    never = {one["id"]: one for one in truth["never_enrolled"]}
    query = f"{NEVER.replace('resource_id', 'resource_id, tags', 1)}"
    found = dict(warehouse.ask(query))
    assert found.keys() == never.keys() != set()
    tags = {
        key: sorted(f"{name}={value}" for name, value in one["tags"].items()) for key, one in never.items()
    }
    assert found == tags
    ((resources, enrolled),) = warehouse.ask(
        "SELECT resources, enrolled FROM estate_coverage WHERE dimension = 'all'"
    )
    assert resources == sum(truth["protectables"].values())
    assert list(warehouse.ask("SELECT count(*) FROM vaults WHERE is_current")) == [(truth["vaults"],)]
    assert list(warehouse.ask("SELECT count(*) FROM backups WHERE is_current")) == [(truth["backups"],)]
    assert 0 < enrolled < resources


def test_exact_schedules_are_those_that_the_log_let_infer(estate: tuple[Emulated, Warehouse]) -> None:
    _, warehouse = estate
    rows = list(warehouse.ask("SELECT is_understood, agrees FROM policy_schedule"))
    assert rows
    assert set(rows) <= {(True, True), (True, None)}
    assert list(warehouse.ask("FROM schedule_differences WHERE difference = 'slot_not_planned'")) == []


def test_days_later_the_history_is_what_a_rebuild_makes_of_raw(tmp_path: Path) -> None:
    with loaded(tmp_path) as (source, warehouse):
        for _ in range(2):
            source.advance(timedelta(days=1))
            warehouse.load()
        loaded_rows = contents(warehouse)
        assert len(list(warehouse.ask("SELECT DISTINCT load_id FROM inventory_snapshots"))) == 3
        assert list(warehouse.ask("FROM vault_usage WHERE growth_gb_per_day IS NOT NULL"))
        warehouse.load()
        assert contents(warehouse) == loaded_rows
        build_warehouse(warehouse.directory, read_contract(), AnalyticsSettings(), fresh=True)
        assert contents(warehouse) == loaded_rows


def test_without_an_inventory_everything_else_is_the_same(
    estate: tuple[Emulated, Warehouse], tmp_path: Path
) -> None:
    """The views of tasks have the same rows, those of the inventory none; no schedule is that of a policy."""
    source, with_inventory = estate
    plain = Warehouse(tmp_path, source)
    plain.load()
    assert not any(contents(plain).values())
    for view in ("unprotected_resources", "estate_coverage", "policy_schedule", "vault_usage"):
        assert list(plain.ask(f"FROM {view}")) == []
    for view in ("resource_day", "schedule_interval", "missed_backups", "backup_success_daily"):
        query = f"FROM analytics.{view} ORDER BY ALL"
        assert list(plain.ask(query)) == list(with_inventory.ask(query)), view
    query = "SELECT DISTINCT schedule_basis FROM analytics.resource ORDER BY 1"
    assert ("policy",) not in list(plain.ask(query))
    assert ("policy",) in list(with_inventory.ask(query))
