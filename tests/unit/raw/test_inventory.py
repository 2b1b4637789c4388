"""Inventories in raw: each text once, which object had which when, and what is left after a kill."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.errors import DamagedFileError, StorageError
from cbr_warehouse.raw import inventory_removal, inventory_writer
from cbr_warehouse.raw.fold_ledgers import KEPT, fold_ledgers
from cbr_warehouse.raw.inventory import (
    missing_files,
    read_noted_snapshots,
    read_snapshots,
    record_files,
    sighting_files,
    sightings_folder,
)
from cbr_warehouse.raw.inventory_damage import find_damaged_inventory, find_gone_inventory
from cbr_warehouse.raw.inventory_entries import ListState, Snapshot
from cbr_warehouse.raw.inventory_removal import remove_inventories
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory

NIGHT = datetime(2026, 11, 1, 2, tzinfo=UTC)
ONE, TWO = b'{"id": "a", "name": "one"}', b'{"id": "b", "name":  "two"}'
CHANGED = b'{"id": "a", "name": "renamed"}'


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def write(directory: DataDirectory, night: int, *received: ReceivedList) -> Snapshot:
    at = NIGHT + timedelta(days=night)
    return write_snapshot(directory, "a", f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}", at, received)


def vaults(*texts: bytes) -> ReceivedList:
    return ReceivedList(Kind.VAULTS, None, texts)


def servers(*texts: bytes) -> ReceivedList:
    return ReceivedList(Kind.PROTECTABLES, "server", texts)


def stored(directory: DataDirectory) -> list[tuple[str, ...]]:
    paths = [str(path) for path in record_files(directory, "a")]
    query = "SELECT kind, object_type, object_id, record_text FROM read_parquet(?, hive_partitioning = false)"
    return sorted(duckdb.execute(query, [paths]).fetchall(), key=str) if paths else []


def seen(directory: DataDirectory) -> list[tuple[str, str, str]]:
    sightings = sighting_files(directory, "a", read_snapshots(directory, "a"))
    rows = duckdb.execute(
        """SELECT s.load_id[:8], s.object_id, r.record_text
        FROM read_parquet($seen, hive_partitioning = false) s
        JOIN read_parquet($records, hive_partitioning = false) r USING (kind, content_hash)
        WHERE s.object_type IS NOT DISTINCT FROM r.object_type""",
        {"seen": list(map(str, sightings)), "records": list(map(str, record_files(directory, "a")))},
    )
    return sorted(rows.fetchall())


def test_each_text_is_stored_once_and_every_snapshot_says_what_it_saw(directory: DataDirectory) -> None:
    write(directory, 0, vaults(ONE, TWO), servers(ONE))
    second = write(directory, 1, vaults(CHANGED, TWO), servers(ONE))
    third = write(directory, 2, vaults(ONE), servers())
    assert stored(directory) == [
        ("protectables", "server", "a", ONE.decode()),
        ("vaults", None, "a", ONE.decode()),
        ("vaults", None, "a", CHANGED.decode()),
        ("vaults", None, "b", TWO.decode()),
    ]
    assert [file.rows for file in second.records] == [1]
    assert third.records == ()  # it is as it was before: nothing to store, but another sighting
    assert seen(directory)[-1] == ("20261103", "a", ONE.decode())
    assert len(seen(directory)) == 3 + 3 + 1
    snapshots = read_snapshots(directory, "a")
    assert snapshots[1:] == (second, third)
    assert [(one.kind, one.object_type, one.records) for one in third.lists] == [
        (Kind.VAULTS, None, 1),
        (Kind.PROTECTABLES, "server", 0),
    ]


def test_a_text_is_stored_exactly_whatever_its_bytes(directory: DataDirectory) -> None:
    latin, nul, no_id = b'{"id": "a", "name": "\xe9"}', b'{"id": "b\\u0000"}', b"[1,  2]"
    write(directory, 0, vaults(latin, nul, no_id))
    table = pq.ParquetFile(record_files(directory, "a")[0]).read()
    rows = {row["record_text"]: row for row in table.to_pylist()}
    assert rows['{"id": "a", "name": "\\xe9"}']["record_bytes"] == latin
    assert [rows[text.decode()]["object_id"] for text in (nul, no_id)] == [None, None]
    assert rows[no_id.decode()]["record_bytes"] is None


def test_an_object_received_twice_is_seen_with_its_last_text(directory: DataDirectory) -> None:
    snapshot = write(directory, 0, vaults(ONE, CHANGED))
    assert seen(directory) == [("20261101", "a", CHANGED.decode())]
    assert len(stored(directory)) == 2
    assert snapshot.lists[0].records == 1


def test_a_snapshot_without_anything_received_says_why(directory: DataDirectory) -> None:
    refused = ReceivedList(Kind.BACKUPS, state=ListState.NOT_PERMITTED, reason="It may not.")
    snapshot = write(directory, 0, refused)
    assert read_snapshots(directory, "a") == (snapshot,)
    assert snapshot.lists[0].state is ListState.NOT_PERMITTED
    assert record_files(directory, "a") == record_files(directory, "never asked") == ()
    assert sighting_files(directory, "a", [snapshot]) == ()
    assert read_snapshots(directory, "never asked") == ()


def kills(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every function that puts a file in its place, made to fail in turn."""
    for name in ("write_bytes", "write_checked_json"):
        for nth in (1, 2) if name == "write_bytes" else (1,):
            calls = iter(range(1, 100))
            original = getattr(inventory_writer, name)

            def write_or_die(*args: object, _nth: int = nth, _write: object = original) -> None:
                if next(calls) == _nth:  # noqa: B023  consumed before the next one is made
                    raise KeyboardInterrupt
                _write(*args)  # type: ignore[operator]  # the function replaced

            with monkeypatch.context() as patch:
                patch.setattr(inventory_writer, name, write_or_die)
                yield f"{name} {nth}"


def test_a_load_killed_before_its_ledger_entry_leaves_no_snapshot(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its texts stay, and are not stored again."""
    write(directory, 0, vaults(ONE))
    for night, _ in enumerate(kills(monkeypatch), start=1):
        with pytest.raises(KeyboardInterrupt):
            write(directory, night, vaults(ONE, CHANGED))
        assert len(read_snapshots(directory, "a")) == 1
        assert seen(directory) == [("20261101", "a", ONE.decode())]
    write(directory, 9, vaults(ONE, CHANGED))
    assert [row[-1] for row in stored(directory)] == [ONE.decode(), CHANGED.decode()]
    assert missing_files(directory, "a", read_noted_snapshots(directory, "a")) == ()


def test_texts_are_written_before_they_fill_memory(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_writer, "FLUSH_BYTES", 60)
    writer = inventory_writer.InventoryWriter(directory, "a", "20261101T000000000000Z-1", NIGHT)
    for number in range(9):
        writer.store(Kind.BACKUPS, None, [b'{"id": "%d"}' % (number // 3)] * 3, NIGHT)
    writer.store(Kind.BACKUPS, None, [b'{"id": "%030d"}' % number for number in range(2)], NIGHT)
    assert len(record_files(directory, "a")) == 1
    snapshot = writer.finish()
    assert sum(file.rows for file in snapshot.records) == len(stored(directory)) == 3 + 2


def test_a_lost_file_of_sightings_takes_its_snapshot_with_it(directory: DataDirectory) -> None:
    """What it saw is unknown, which is not the same as nothing."""
    lost = write(directory, 0, vaults(ONE))
    kept = write(directory, 1, vaults(TWO))
    assert lost.sightings is not None
    path = sightings_folder(directory, "a") / lost.sightings.name
    path.unlink()
    assert read_snapshots(directory, "a") == (kept,)
    assert missing_files(directory, "a", read_noted_snapshots(directory, "a")) == (path,)


def test_texts_of_a_lost_file_are_stored_again(directory: DataDirectory) -> None:
    write(directory, 0, vaults(ONE, TWO))
    (path,) = record_files(directory, "a")
    path.unlink()
    assert missing_files(directory, "a", read_noted_snapshots(directory, "a")) == (path,)
    write(directory, 1, vaults(ONE, TWO))
    assert len(stored(directory)) == 2


def test_the_ledger_is_folded_and_read_as_before(directory: DataDirectory) -> None:
    written = tuple(write(directory, night, vaults(ONE)) for night in range(KEPT + 3))
    assert fold_ledgers(directory, "a", at_once=True)["inventory"] == 3
    assert read_snapshots(directory, "a") == written


def test_a_damaged_entry_is_reported(directory: DataDirectory) -> None:
    snapshot = write(directory, 0, vaults(ONE))
    path = directory.raw_ledger("inventory", "a") / f"{snapshot.load_id}.json"
    path.write_text(path.read_text().replace("complete", "partial"))
    with pytest.raises(DamagedFileError, match="checksum"):
        read_snapshots(directory, "a")
    with pytest.raises(StorageError):
        write(directory, 1, vaults(ONE))


def test_old_inventories_are_removed_with_the_texts_that_no_later_one_has(directory: DataDirectory) -> None:
    write(directory, 0, vaults(ONE, TWO), servers(ONE))
    kept = write(directory, 1, vaults(TWO))
    newest = write(directory, 2, vaults(TWO, CHANGED))
    remove_inventories(directory, "a", kept.load_id)
    assert read_snapshots(directory, "a") == (kept, newest)
    assert [row[-1] for row in stored(directory)] == [CHANGED.decode(), TWO.decode()]
    assert [row[-1] for row in seen(directory)] == [TWO.decode(), CHANGED.decode(), TWO.decode()]
    assert find_damaged_inventory(directory, "a") == find_gone_inventory(directory, "a") == ()
    remove_inventories(directory, "a", newest.load_id)
    assert [row[-1] for row in seen(directory)] == [CHANGED.decode(), TWO.decode()]
    write(directory, 3, vaults(ONE, TWO))
    assert len(stored(directory)) == 3


@pytest.mark.parametrize("step", range(1, 6))
def test_a_removal_that_is_killed_is_finished_by_the_next(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever step it dies at, readers see each text once, and all of those that are kept."""
    write(directory, 0, vaults(ONE, TWO))
    write(directory, 1, vaults(TWO, CHANGED))
    newest = write(directory, 2, vaults(TWO))
    calls = iter(range(1, 100))

    def or_die(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*args: object) -> None:
            if next(calls) == step:
                raise KeyboardInterrupt
            change(*args)

        return changed

    with monkeypatch.context() as patch:
        for name in ("put_in_place", "remove_file", "write_kept_from"):
            patch.setattr(inventory_removal, name, or_die(getattr(inventory_removal, name)))
        with pytest.raises(KeyboardInterrupt):
            remove_inventories(directory, "a", newest.load_id)
    texts = [row[-1] for row in stored(directory)]
    assert len(texts) == len(set(texts))
    assert TWO.decode() in texts
    assert seen(directory)[-1] == ("20261103", "b", TWO.decode())
    remove_inventories(directory, "a", newest.load_id)
    assert [row[-1] for row in stored(directory)] == [TWO.decode()]
    assert read_snapshots(directory, "a") == (newest,)
    assert len(list(sightings_folder(directory, "a").iterdir())) == 1
