"""Loads that ask for vaults, policies, backups and protectable resources, from a real server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.faults.triggers import Trigger
from cbr_emulator.server.inventory_endpoints import InventoryLists
from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.errors import StorageError
from cbr_warehouse.extract import inventory as reading
from cbr_warehouse.load.inventory_due import FEWEST_REQUESTS, expect_inventory, is_inventory_due
from cbr_warehouse.raw.inventory import read_snapshots, record_files, sighting_files
from cbr_warehouse.raw.inventory_entries import ListState, Snapshot
from cbr_warehouse.raw.inventory_writer import InventoryWriter
from cbr_warehouse.storage.layout import DataDirectory
from support.emulator_server import PROJECT, Emulated, Warehouse, emulated
from support.flipped_bit import flip_bit

ESTATE: dict[str, Any] = {"tasks": 250, "days": 6}
DAY = timedelta(hours=24)
KINDS = list(Kind)


@contextmanager
def loaded(folder: Path, **options: Any) -> Iterator[tuple[Emulated, Warehouse]]:
    """An emulator, and a warehouse that asks for its inventory."""
    with emulated(**ESTATE | options) as source:
        yield source, Warehouse(folder, source, inventory=True)


def stored(directory: DataDirectory) -> dict[tuple[str, str | None], dict[str, str]]:
    """The text of each object in the newest snapshot, by list."""
    snapshots = read_snapshots(directory, "prod")
    rows = duckdb.execute(
        """SELECT s.kind, s.object_type, s.object_id, r.record_text
        FROM read_parquet($seen, hive_partitioning = false) s
        JOIN read_parquet($records, hive_partitioning = false) r
        ON r.content_hash = s.content_hash AND r.kind = s.kind
        AND r.object_type IS NOT DISTINCT FROM s.object_type
        WHERE s.load_id = $load""",
        {
            "seen": list(map(str, sighting_files(directory, "prod", snapshots))),
            "records": list(map(str, record_files(directory, "prod"))),
            "load": snapshots[-1].load_id,
        },
    ).fetchall()
    found: dict[tuple[str, str | None], dict[str, str]] = {}
    for kind, object_type, object_id, text in rows:
        found.setdefault((kind, object_type), {})[object_id] = text
    return found


def states(snapshot: Snapshot | None) -> dict[str, ListState]:
    assert snapshot is not None
    return {f"{one.kind}/{one.object_type or ''}": one.state for one in snapshot.lists}


def served(source: Emulated, kind: str, object_type: str | None = None) -> dict[str, Any]:
    """What the emulator has now, without HTTP."""
    lists = InventoryLists(
        source.emulator.served, PROJECT, Dialect(), source.now, source.emulator.faults.vanished
    )
    found: dict[str, Any] = {}
    for offset in range(0, 500, 50):
        body = json.loads(lists.answer(kind, object_type, {"limit": "50", "offset": str(offset)}))
        found |= {one["id"]: one for one in next(iter(body.values()))}
    return found


def test_a_load_receives_all_lists_to_the_letter(tmp_path: Path) -> None:
    with loaded(tmp_path) as (source, warehouse):
        (result,) = warehouse.load().sources
        assert set(states(result.inventory).values()) == {ListState.COMPLETE}
        found = stored(warehouse.directory)
        for kind in ("vaults", "policies", "backups"):
            texts = {key: json.loads(text) for key, text in found[kind, None].items()}
            assert texts == served(source, kind), kind
        for object_type in ("server", "disk", "turbo"):
            texts = {key: json.loads(text) for key, text in found["protectables", object_type].items()}
            assert texts == served(source, "protectables", object_type), object_type
        limits = {int(query["limit"]) for path, query in source.inventory if path.startswith("protectables")}
        assert limits == {50}
        assert all(query["sort"] for path, query in source.inventory if path == "backups")
        assert result.inventory is not None
        assert sum(one.requests for one in result.inventory.lists) == len(source.inventory)


def test_it_is_asked_for_once_a_day_and_stores_what_changed(tmp_path: Path) -> None:
    with loaded(tmp_path) as (source, warehouse):
        warehouse.load()
        source.advance(DAY - timedelta(minutes=1))
        source.inventory.clear()
        assert warehouse.load().sources[0].inventory is None
        assert source.inventory == []
        source.advance(timedelta(minutes=1))
        assert warehouse.load().sources[0].inventory is not None
        first, second = read_snapshots(warehouse.directory, "prod")
        assert second.fetched_at - first.fetched_at == DAY
        new = sum(file.rows for file in second.records)
        assert 0 < new < sum(one.records for one in second.lists)
        assert {
            key: json.loads(text) for key, text in stored(warehouse.directory)["backups", None].items()
        } == (served(source, "backups"))


def test_without_the_setting_not_one_request_more_is_made(tmp_path: Path) -> None:
    with emulated(**ESTATE) as source:
        warehouse = Warehouse(tmp_path, source)
        entry = warehouse.load().sources[0].entry
        assert source.inventory == []
        assert entry.requests == len(source.lists) + len(source.shows)
        assert not warehouse.directory.raw_ledger("inventory", "prod").exists()
    with loaded(tmp_path / "with") as (source, warehouse):
        asked = warehouse.load().sources[0].entry
        assert asked.requests == len(source.lists) + len(source.shows) + len(source.inventory)
        assert (asked.records, asked.new) == (entry.records, entry.new)
        assert len(source.inventory) <= 16


@pytest.mark.parametrize("fault", ["forbid", "not_offered"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_list_that_is_refused_stops_no_other(tmp_path: Path, kind: Kind, fault: str) -> None:
    with loaded(tmp_path, fault=[f"{fault}={kind}"]) as (source, warehouse):
        result = warehouse.load()
        assert result.exit_status(strict=True) == 0
        (loaded_source,) = result.sources
        assert loaded_source.entry.new == len(warehouse.tasks()) == len(source.truth())
        found = states(loaded_source.inventory)
        refused = {ListState.NOT_PERMITTED} if fault == "forbid" else {ListState.NOT_OFFERED}
        assert {state for name, state in found.items() if name.startswith(kind)} == refused
        assert {state for name, state in found.items() if not name.startswith(kind)} == {ListState.COMPLETE}
        assert loaded_source.inventory is not None
        reasons = [one.reason or "" for one in loaded_source.inventory.lists if one.kind == kind]
        if fault == "forbid":
            assert all("cbr:" in reason for reason in reasons)


def test_a_source_that_fails_is_not_asked_for_all_lists(tmp_path: Path) -> None:
    """Else each list would take all of a request's time budget, one after the other."""
    with loaded(tmp_path) as (source, warehouse):
        source.emulator.faults.options.when["corrupt"] = _after(len_of_a_load(tmp_path / "before"))
        (result,) = warehouse.load().sources
        assert result.entry.outcome == "done"
        found = states(result.inventory)
        assert found.pop("vaults/") is ListState.FAILED
        assert set(found.values()) == {ListState.FAILED}
        assert {path for path, _ in source.inventory} == {"vaults", "policies"}


def test_one_list_that_fails_stops_no_other(tmp_path: Path) -> None:
    with loaded(tmp_path) as (source, warehouse):
        first = len_of_a_load(tmp_path / "before") + 1
        # As many attempts as a request has, for responses that cannot be read.
        source.emulator.faults.options.when["corrupt"] = Trigger(ranges=((first, first + 7),))
        (result,) = warehouse.load().sources
        found = states(result.inventory)
        assert found.pop("vaults/") is ListState.FAILED
        assert set(found.values()) == {ListState.COMPLETE}


def len_of_a_load(folder: Path) -> int:
    """Requests of a load without inventory."""
    with emulated(**ESTATE) as source:
        return Warehouse(folder, source).load().sources[0].entry.requests or 0


def _after(request: int) -> Any:
    return Trigger(ranges=((request + 1, None),))


@pytest.mark.parametrize("kind", ["vaults", "backups", "protectables/server/instances"])
def test_a_list_that_changes_while_it_is_read_is_read_again(tmp_path: Path, kind: str) -> None:
    """An object that disappears moves all others up by one: the page after would lack one."""
    with loaded(tmp_path, dialect=["max_limit=9"]) as (source, warehouse):
        left = [4]

        def vanish(path: str) -> None:
            if path == kind and left[0]:
                left[0] -= 1
                source.emulator.faults.vanished[kind.partition("/")[0]] += 1

        source.after_inventory = vanish
        (result,) = warehouse.load().sources
        assert set(states(result.inventory).values()) == {ListState.COMPLETE}
        name, object_type = (kind, None) if "/" not in kind else ("protectables", "server")
        truth = served(source, name, object_type)
        held = stored(warehouse.directory)[name, object_type]
        assert truth.keys() <= held.keys()
        assert len(held) <= len(truth) + 4  # seen before they disappeared


def test_a_list_that_never_stays_the_same_is_partial(tmp_path: Path) -> None:
    with loaded(tmp_path, dialect=["max_limit=9"], fault=["vanish=1"]) as (source, warehouse):
        (result,) = warehouse.load().sources
        assert states(result.inventory)["backups/"] is ListState.PARTIAL
        assert result.entry.outcome == "done"
        asked = [path for path, _ in source.inventory if path == "backups"]
        assert len(asked) < 400


def test_a_page_that_is_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    with loaded(tmp_path, fault=["truncate=0.3"]) as (source, warehouse):
        (result,) = warehouse.load().sources
        assert set(states(result.inventory).values()) == {ListState.COMPLETE}
        assert source.emulator.faults.counts["truncate"] > 0
        texts = {key: json.loads(text) for key, text in stored(warehouse.directory)["backups", None].items()}
        assert texts == served(source, "backups")


@pytest.mark.parametrize("dialect", ["count=page", "over_limit=refuse", "default_limit=5"])
def test_lists_are_complete_in_every_dialect_of_pages(tmp_path: Path, dialect: str) -> None:
    with loaded(tmp_path, dialect=[dialect, "max_limit=40"]) as (source, warehouse):
        (result,) = warehouse.load().sources
        assert set(states(result.inventory).values()) == {ListState.COMPLETE}
        assert stored(warehouse.directory)["backups", None].keys() == served(source, "backups").keys()


@pytest.mark.fault("killed processes")
@pytest.mark.parametrize("step", ["_flush", "_write_sightings", "write_checked_json"])
def test_killed_before_its_ledger_entry_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The load that dies there has its tasks on the disk; the next one stores no text twice."""
    with loaded(tmp_path) as (source, warehouse):
        with monkeypatch.context() as patch:
            if step == "write_checked_json":
                patch.setattr("cbr_warehouse.raw.inventory_writer.write_checked_json", _die)
            else:
                original = getattr(InventoryWriter, step)
                patch.setattr(InventoryWriter, step, lambda self: (original(self), _die())[0])
            with pytest.raises(KeyboardInterrupt):
                warehouse.load()
        left = record_files(warehouse.directory, "prod")
        assert left
        assert read_snapshots(warehouse.directory, "prod") == ()
        (result,) = warehouse.load().sources
        assert set(states(result.inventory).values()) == {ListState.COMPLETE}
        assert warehouse.tasks().keys() == source.truth().keys()
        assert record_files(warehouse.directory, "prod") == left


def _die(*_anything: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.fault("damaged files")
def test_a_damaged_file_is_set_aside_and_its_texts_are_received_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with loaded(tmp_path) as (source, warehouse):
        warehouse.load()
        (path,) = record_files(warehouse.directory, "prod")
        flip_bit(path)
        source.advance(DAY)
        warehouse.load()
        assert "set aside" in caplog.text
        assert stored(warehouse.directory)["vaults", None].keys() == served(source, "vaults").keys()
        source.advance(timedelta(hours=1))
        source.inventory.clear()
        warehouse.load()
        assert source.inventory == []  # what is noted as lost is not asked for at every load


def test_whatever_the_disk_says_the_tasks_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_anything: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(reading.InventoryReader, "_store", fail)
    with loaded(tmp_path) as (source, warehouse):
        (result,) = warehouse.load().sources
        assert result.entry.outcome == "done"
        assert result.inventory is None
        assert warehouse.tasks().keys() == source.truth().keys()
    assert "inventory was not taken: the disk is full" in caplog.text


def test_a_clock_that_was_ahead_does_not_end_inventories(tmp_path: Path) -> None:
    with loaded(tmp_path) as (_, warehouse):
        first = warehouse.load().sources[0].inventory
        assert first is not None
        settings = warehouse.settings
        ahead = first.fetched_at
        directory = warehouse.directory
        due = is_inventory_due
        assert due(directory, settings, ahead - timedelta(days=2))
        assert not due(directory, settings, ahead + timedelta(hours=1))
        assert not due(directory, settings, ahead - timedelta(seconds=30))
        assert expect_inventory(directory, settings, ahead) == 0
        assert expect_inventory(directory, settings, ahead + DAY) >= FEWEST_REQUESTS
