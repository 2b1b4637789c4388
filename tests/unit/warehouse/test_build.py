"""The published warehouse: refused when a key stands twice, and the one before it stands."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.checked_json import write_checked_json
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import read_state
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.query import query
from support.landed_records import CONTRACT, SOURCE, land, make, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RECORD = {
    "id": "a",
    "created_at": "2026-11-19T01:00:00",
    "extra_info": {"resource": {"id": "r"}, "replication": {"source_backup_id": "b"}},
}


def publish(directory: DataDirectory) -> None:
    make(directory)
    build_warehouse(directory, CONTRACT, AnalyticsSettings())


@pytest.fixture
def published(tmp_path: Path) -> DataDirectory:
    directory = land(tmp_path, "L1", [(printed(RECORD), NOW)])
    write_load(directory, LoadEntry("L1", SOURCE, NOW, "incremental"))
    publish(directory)
    return directory


def change(directory: DataDirectory, table: str, query_of: Callable[[Path], str]) -> None:
    """Changes a partition behind the house's back, and lets it look newly made."""
    (path,) = directory.partitions(table, SOURCE)
    with duckdb.connect() as engine:
        rows = engine.sql(query_of(path)).to_arrow_table()
        engine.register("changed", rows)
        engine.execute(f"COPY changed TO '{path}' (FORMAT parquet)")
    state = read_state(directory, SOURCE, "2026-11-19")
    assert state is not None
    changed = replace(state, fingerprint=f"x{state.fingerprint}", files={}, rows={})
    write_checked_json(directory.partition_state(SOURCE, "2026-11-19"), asdict(changed))


def columns(path: Path) -> str:
    return f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)"


@pytest.mark.parametrize(
    ("table", "planted", "found"),
    [
        ("tasks", "{0} UNION ALL {0}", "tasks: unique_key broken 1 times"),
        ("resources", "{0} UNION ALL {0}", "resources: unique_key broken 1 times"),
        ("tasks", "{0} WHERE false", "references_tasks broken"),
        ("task_versions", "{0} WHERE false", "tasks: references_task_versions broken 1 times"),
    ],
)
def test_what_is_not_sound_is_not_published(
    published: DataDirectory, table: str, planted: str, found: str
) -> None:
    before = published.warehouse.read_bytes()
    change(published, table, lambda path: planted.format(columns(path)))
    with pytest.raises(WarehouseError, match=found):
        build_warehouse(published, CONTRACT, AnalyticsSettings())
    assert published.warehouse.read_bytes() == before
    assert list(published.root.glob(f"{TEMPORARY_PREFIX}*")) == []


@pytest.mark.fault("unreadable warehouse")
def test_a_warehouse_that_is_not_ours_is_made_anew(published: DataDirectory) -> None:
    for content in (b"no database at all", b""):
        published.warehouse.write_bytes(content)
        build_warehouse(published, CONTRACT, AnalyticsSettings())
        assert query(published.warehouse, "SELECT task_id FROM tasks").rows == [("a",)]


def test_a_quarantined_record_is_resolved_once_its_task_is_held(tmp_path: Path) -> None:
    broken = RECORD | {"id": "b", "extra_info": []}
    directory = land(tmp_path, "L1", [(printed(broken), NOW)])
    write_load(directory, LoadEntry("L1", SOURCE, NOW, "incremental"))
    publish(directory)
    assert query(directory.warehouse, "SELECT task_id, resolved_at FROM quarantine").rows == [("b", None)]
    land(tmp_path, "L2", [(printed(RECORD | {"id": "b"}), NOW.replace(hour=13))])
    publish(directory)
    found = query(directory.warehouse, "SELECT resolved_at FROM quarantine").rows
    assert found == [(NOW.replace(hour=13),)]


@pytest.mark.fault("killed processes")
def test_a_source_whose_first_load_was_killed_as_it_began_keeps_no_other_out(
    published: DataDirectory,
) -> None:
    """The folder of its loads was there, and no load in it: every later load of any source failed."""
    directory = published
    directory.raw_ledger("loads", "killed").mkdir()
    publish(directory)
    assert query(directory.warehouse, "SELECT DISTINCT source FROM loads").rows == [(SOURCE,)]
