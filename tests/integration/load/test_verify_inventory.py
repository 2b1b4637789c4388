"""``verify`` of the tables of the inventory: equal to what raw gives, and a sentence for each that is not."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.integrity.finding import Check, Verified
from cbr_warehouse.integrity.inventory import verify_inventory_rows
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.raw.inventory_entries import ListState
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.open_published import open_published
from support.landed_records import CONTRACT, SOURCE, land, make, printed

pytestmark = pytest.mark.fault("damaged files")

NIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TASK = {"id": "a", "created_at": "2026-11-19T01:00:00"}


def take(directory: DataDirectory, night: int, size: int) -> None:
    vault = {"id": "v", "billing": {"size": size}, "resources": [{"id": "s1"}, {"id": "s2"}]}
    rules = {"trigger": {"properties": {"pattern": ["FREQ=DAILY;BYHOUR=1"]}}}
    received = [
        ReceivedList(Kind.VAULTS, None, [printed(vault)]),
        ReceivedList(Kind.POLICIES, None, [printed({"id": "p", **rules})]),
        ReceivedList(Kind.BACKUPS, None, (), ListState.NOT_PERMITTED, "why"),
    ]
    at = NIGHT + timedelta(days=night)
    write_snapshot(directory, SOURCE, f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}", at, received)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    directory = land(tmp_path_factory.mktemp("inventory") / "data", "L1", [(printed(TASK), NIGHT)])
    write_load(directory, LoadEntry("L1", SOURCE, NIGHT, "incremental", finished_at=NIGHT))
    make(directory)
    for night, size in enumerate((10, 20)):
        take(directory, night, size)
        build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=not night)
    return directory


@pytest.fixture
def directory(published: DataDirectory, tmp_path: Path) -> DataDirectory:
    shutil.copytree(published.root, tmp_path / "data")
    return DataDirectory(tmp_path / "data")


def compared(directory: DataDirectory, folder: Path) -> Verified:
    with open_published(directory.warehouse) as connection:
        return verify_inventory_rows(connection, directory, SOURCE, CONTRACT, folder)


def test_what_loads_published_is_what_raw_gives(directory: DataDirectory, tmp_path: Path) -> None:
    assert compared(directory, tmp_path).findings == []
    assert not list(tmp_path.glob("inventory-*"))


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("vaults", "UPDATE vaults SET size_gb = 11 WHERE version = 1"),
        ("vault_resources", "DELETE FROM vault_resources WHERE resource_id = 's2'"),
        ("policy_schedules", "UPDATE policy_schedules SET hours = '2'"),
        ("inventory_snapshots", "UPDATE inventory_snapshots SET state = 'complete'"),
    ],
)
def test_a_changed_table_is_named(
    directory: DataDirectory, tmp_path: Path, table: str, statement: str
) -> None:
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute(statement)
    (finding,) = compared(directory, tmp_path).findings
    assert finding.check is Check.WAREHOUSE_CONTENT
    assert f"rows of {table} of {SOURCE} are not" in finding.what
    whole = verify(directory, CONTRACT, AnalyticsSettings(), NIGHT)
    assert finding in whole.findings


def test_an_inventory_that_was_not_published_is_behind(directory: DataDirectory, tmp_path: Path) -> None:
    take(directory, 2, 30)
    (finding,) = compared(directory, tmp_path).findings
    assert finding.check is Check.WAREHOUSE_BEHIND
