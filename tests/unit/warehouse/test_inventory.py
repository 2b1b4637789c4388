"""The inventory in the warehouse: what a load adds, what a rebuild makes of it, and what damage leaves."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.raw.inventory import read_snapshots, record_files, sighting_files
from cbr_warehouse.raw.inventory_entries import ListState
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.update import Publication
from support.landed_records import CONTRACT, SOURCE, land, make, printed

NIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TASK = {"id": "a", "created_at": "2026-11-19T01:00:00"}
VAULT = {
    "id": "v1",
    "name": "gold",
    "billing": {"size": "100", "used": 55.0, "status": {"odd": 1}, "new_key": [1, 2]},
    "resources": [
        {"id": "s1", "name": "web", "size": 40},
        {"name": "without an id"},
        {"id": "s2", "zone": "z"},
    ],
    "tags": [{"key": "env", "value": "prod"}],
    "is_odd": True,
}
POLICY = {
    "id": "p1",
    "name": "nightly",
    "enabled": True,
    "trigger": {
        "properties": {
            "pattern": [
                "FREQ=WEEKLY;BYDAY=TH,MO;BYHOUR=14,2;BYMINUTE=30",
                "FREQ=DAILY;INTERVAL=2;BYHOUR=6",
                "FREQ=MONTHLY;BYHOUR=1",
            ]
        }
    },
    "associated_vaults": [{"vault_id": "v1"}],
}


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def lists(vault: Mapping[str, object] = VAULT) -> list[ReceivedList]:
    return [
        ReceivedList(Kind.VAULTS, None, [printed(vault), b'{"name": "no id"}']),
        ReceivedList(Kind.POLICIES, None, [printed(POLICY)]),
        ReceivedList(Kind.BACKUPS, None, (), ListState.NOT_PERMITTED, "the user may not list backups"),
    ]


def take(directory: DataDirectory, night: int, *received: ReceivedList) -> None:
    at = NIGHT + timedelta(days=night)
    write_snapshot(directory, SOURCE, f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}", at, received)


def publish(directory: DataDirectory, *, fresh: bool = False) -> Publication:
    return build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=fresh)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    landed = land(tmp_path, "L1", [(printed(TASK), NIGHT)])
    write_load(landed, LoadEntry("L1", SOURCE, NIGHT, "incremental"))
    make(landed)
    return landed


def contents(directory: DataDirectory) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(directory.warehouse), read_only=True) as connection:
        return {
            table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            for table in ALL_INVENTORY_TABLES
        }


def select(directory: DataDirectory, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(directory.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_a_source_without_an_inventory_has_empty_tables(directory: DataDirectory) -> None:
    publish(directory)
    assert not any(contents(directory).values())


def test_load_after_load_gives_what_a_rebuild_gives(directory: DataDirectory) -> None:
    publish(directory)
    for night, size in enumerate(("100", "200", "200")):
        take(directory, night, *lists({**VAULT, "billing": {"size": size}}))
        publish(directory)
    step_by_step = contents(directory)
    assert [row[2] for row in step_by_step["vaults"]] == [1, 2]
    publish(directory, fresh=True)
    assert contents(directory) == step_by_step
    publish(directory)
    assert contents(directory) == step_by_step


def test_values_are_typed_and_what_has_no_column_is_kept(directory: DataDirectory) -> None:
    take(directory, 0, *lists())
    publish(directory)
    ((size, used, status, extra, text),) = select(
        directory, "SELECT size_gb, used_mb, status, extra, record_text FROM vaults"
    )
    assert (size, used, status, text) == (100, 55, None, printed(VAULT).decode())
    assert json.loads(str(extra)) == {
        "billing": {"status": {"odd": 1}, "new_key": [1, 2]},
        "resources": [{"name": "without an id"}],
        "is_odd": True,
    }
    assert select(directory, "SELECT resource_id, size_gb, extra FROM vault_resources ORDER BY ALL") == [
        ("s1", 40, "{}"),
        ("s2", None, '{"zone":"z"}'),
    ]
    assert select(directory, "SELECT tag_key, tag_value FROM vault_tags") == [("env", "prod")]
    assert select(directory, "SELECT kind, record_text FROM inventory_malformed") == [
        ("vaults", '{"name": "no id"}')
    ]
    assert select(directory, "SELECT kind, state, reason FROM inventory_snapshots ORDER BY kind") == [
        ("backups", "not_permitted", "the user may not list backups"),
        ("policies", "complete", None),
        ("vaults", "complete", None),
    ]


def test_rules_of_schedules_are_read_and_others_kept(directory: DataDirectory) -> None:
    take(directory, 0, *lists())
    publish(directory)
    query = (
        "SELECT frequency, every, weekdays, hours, minutes, is_understood FROM policy_schedules ORDER BY rule"
    )
    assert select(directory, query) == [
        ("DAILY", 2, None, "6", "0", True),
        ("MONTHLY", 1, None, "1", "0", False),
        ("WEEKLY", 1, "1,4", "2,14", "30", True),
    ]


def test_a_publication_reads_the_files_of_new_snapshots_alone(directory: DataDirectory) -> None:
    for night in range(3):
        take(directory, night, *lists({**VAULT, "billing": {"size": str(night)}}))
    publish(directory)
    sightings = sighting_files(directory, SOURCE, read_snapshots(directory, SOURCE))
    read = {path: path.read_bytes() for path in (*record_files(directory, SOURCE), *sightings)}
    take(directory, 3, *lists({**VAULT, "billing": {"size": "2"}}))
    take(directory, 4, *lists({**VAULT, "billing": {"size": "4"}}))
    for path in read:
        path.write_bytes(b"not Parquet")
    assert publish(directory) == Publication()
    step_by_step = contents(directory)
    assert [(row[2], row[4]) for row in step_by_step["vaults"]][-2:] == [
        (3, NIGHT + timedelta(days=3)),
        (4, NIGHT + timedelta(days=4)),
    ]
    for path, content in read.items():
        path.write_bytes(content)
    publish(directory, fresh=True)
    assert contents(directory) == step_by_step


def test_what_comes_back_as_it_was_has_its_text_again(directory: DataDirectory) -> None:
    server = printed({"id": "s1", "name": "web"})
    for night, texts in enumerate(([server], [], [server])):
        lists_of_both = [ReceivedList(Kind.PROTECTABLES, one, texts) for one in ("server", "disk")]
        take(directory, night, *lists_of_both, ReceivedList(Kind.VAULTS, None, [printed(VAULT)] * len(texts)))
        publish(directory)
    step_by_step = contents(directory)
    assert [(row[1], row[3]) for row in step_by_step["protectables"]] == [
        ("disk", 1),
        ("disk", 2),
        ("server", 1),
        ("server", 2),
    ]
    publish(directory, fresh=True)
    assert contents(directory) == step_by_step


def test_a_warehouse_of_before_is_made_again_once(directory: DataDirectory) -> None:
    take(directory, 0, *lists())
    publish(directory)
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute("DROP TABLE meta.inventory_objects")
        connection.execute("DROP TABLE meta.inventory_extent")
    directory.warehouse_note.unlink()  # it has the checksum of the file as it was
    for night in (1, 2):
        take(directory, night, *lists({**VAULT, "billing": {"size": str(night)}}))
        publish(directory)
        assert select(directory, "SELECT snapshots FROM meta.inventory_extent") == [(night + 1,)]
    step_by_step = contents(directory)
    publish(directory, fresh=True)
    assert contents(directory) == step_by_step


@pytest.mark.parametrize("fresh", [False, True])
def test_a_damaged_file_leaves_the_inventory_as_it_was_published(
    directory: DataDirectory, fresh: bool
) -> None:
    take(directory, 0, *lists())
    publish(directory)
    before = contents(directory)
    take(directory, 1, *lists({**VAULT, "name": "silver"}))
    record_files(directory, SOURCE)[-1].write_bytes(b"not Parquet")
    publication = publish(directory, fresh=fresh)
    assert contents(directory) == before
    assert "Its inventory stays as it was published." in publication.held_back[SOURCE]
    assert select(directory, "SELECT count(*) FROM tasks") == [(1,)]
