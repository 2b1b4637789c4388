"""Which files of a day are compacted into one, what that has, and what is left where it fails."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cbr_warehouse.errors import DamagedFileError, StorageError
from cbr_warehouse.raw import compaction
from cbr_warehouse.raw.compaction import (
    Compaction,
    Replacement,
    compact,
    find_compaction,
    finish_replacement,
    pending_replacement,
)
from cbr_warehouse.raw.files import is_intact, names_digest, replaced_files
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from simulation.durability import Durability
from support.landed_records import SOURCE, land

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = "2026-11-19"


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def record(task_id: str, status: str = "success") -> bytes:
    return json.dumps({"id": task_id, "created_at": f"{DAY}T01:00:00", "status": status}).encode()


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """Four files of records with one text each, and sightings of the first by the loads after it."""
    for number in range(4):
        at = NOW + number * HOUR
        seen = [(record(f"{number}"), at), *([(record("0"), at)] if number else [])]
        directory = land(tmp_path, f"L{number}", seen)
    return directory


def files(directory: DataDirectory, kind: str = "records") -> list[Path]:
    return raw_files(directory.raw_day(kind, SOURCE, DAY))


def stored(paths: Sequence[Path]) -> list[dict[str, Any]]:
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


def work_on(directory: DataDirectory, kind: str = "records", **limits: int) -> Compaction:
    work = find_compaction(directory, SOURCE, kind, DAY, 1, **limits)
    assert work is not None
    return work


def compacted(directory: DataDirectory, kind: str = "records", **limits: int) -> Path:
    """Compacts to the end, and returns the new file."""
    name = compact(directory, SOURCE, work_on(directory, kind, **limits))
    found = pending_replacement(directory, SOURCE)
    assert found is not None
    assert found.by == name
    finish_replacement(directory, SOURCE, found)
    return directory.raw_day(kind, SOURCE, DAY) / found.by


def test_only_many_small_files_are_compacted(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(most: int, **limits: int) -> Compaction | None:
        return find_compaction(directory, SOURCE, "records", DAY, most, **limits)

    paths = files(directory)
    names = tuple(path.name for path in paths)
    sizes = [path.stat().st_size for path in paths]
    assert find(3) == Compaction("records", DAY, names, sum(sizes))
    assert find(4) is None
    assert find(0) == find(1)
    # The oldest, as many as fit.
    assert find(1, most_bytes=sum(sizes[:3])) == Compaction("records", DAY, names[:3], sum(sizes[:3]))
    assert find(1, most_bytes=sum(sizes[:3]) - 1) == Compaction("records", DAY, names[:2], sum(sizes[:2]))
    assert find(1, most_bytes=1) is None
    for path in paths[2:]:
        path.unlink()
    assert find(1) is not None
    assert find(2) is None
    monkeypatch.setattr(compaction, "LARGE", max(sizes))
    assert find(0) is None
    assert find_compaction(directory, SOURCE, "records", "2026-01-01", 0) is None


def test_every_record_is_in_the_file_that_replaces_the_others(directory: DataDirectory) -> None:
    before = stored(files(directory))
    replaced = {path.name for path in files(directory)}
    path = compacted(directory)
    assert files(directory) == [path]
    assert stored([path]) == before
    assert pq.read_metadata(path).row_group(0).column(1).compression == "ZSTD"
    assert is_intact(path)
    assert replaced_files(path) == replaced
    assert names_digest([path.name]) == names_digest(replaced)
    assert not directory.compaction_note(SOURCE).exists()


def test_a_file_that_was_compacted_before_is_replaced_with_all_that_it_replaced(
    directory: DataDirectory,
) -> None:
    before = stored(files(directory))
    replaced = {path.name for path in files(directory)}
    sizes = [path.stat().st_size for path in files(directory)]
    first = compacted(directory, most_bytes=sum(sizes[:2]))
    # It comes where the newest of those was.
    assert files(directory)[0] == first
    last = compacted(directory)
    assert stored([last]) == before
    assert replaced_files(last) == replaced | {first.name}
    assert names_digest([last.name]) == names_digest(replaced)


def test_of_sightings_the_first_and_the_last_of_each_text_are_kept(directory: DataDirectory) -> None:
    land(directory.root, "L9", [(record("3"), NOW + 9 * HOUR)])
    seen = stored(files(directory, "manifests"))
    assert len(seen) == 4
    kept = stored([compacted(directory, "manifests")])
    assert sorted((row["task_id"], row["fetched_at"]) for row in kept) == [
        ("0", NOW + HOUR),
        ("0", NOW + 3 * HOUR),
        ("3", NOW + 9 * HOUR),
    ]
    assert [row for row in seen if row["fetched_at"] != NOW + 2 * HOUR] == sorted(
        kept, key=lambda row: row["fetched_at"]
    )


def test_parts_of_bounded_size_are_row_groups(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of a million tasks was held in memory whole."""
    before = stored(files(directory))
    (size, *_) = [pq.ParquetFile(path).read().nbytes for path in files(directory)]
    monkeypatch.setattr(compaction, "_CHUNK", 2 * size)
    path = compacted(directory)
    assert [pq.ParquetFile(path).metadata.row_group(n).num_rows for n in range(2)] == [2, 2]
    assert stored([path]) == before


@pytest.mark.parametrize("kind", ["records", "manifests"])
def test_a_damaged_file_is_compacted_into_none(directory: DataDirectory, kind: str) -> None:
    damaged = files(directory, kind)[-1]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    before = files(directory, kind)
    assert compact(directory, SOURCE, work_on(directory, kind)) is None
    assert files(directory, kind) == before
    assert pending_replacement(directory, SOURCE) is None


@pytest.mark.parametrize("kind", ["records", "manifests"])
@pytest.mark.parametrize("change", ["lost", "other"])
def test_a_file_that_is_not_what_it_should_be_replaces_nothing(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch, kind: str, change: str
) -> None:
    before = files(directory, kind)
    work = work_on(directory, kind)
    write = pq.ParquetWriter.write_table

    def spoil(self: pq.ParquetWriter, table: pa.Table, **options: Any) -> None:
        if change == "other":
            place = table.schema.get_field_index("fetched_at")
            later = pa.array([NOW + 99 * HOUR] * table.num_rows, table.schema.field(place).type)
            table = table.set_column(place, table.schema.field(place), later)
        write(self, table if change == "other" else table.slice(0, 0), **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", spoil)
    with pytest.raises(DamagedFileError, match="it is not what was to be written; nothing was removed"):
        compact(directory, SOURCE, work)
    assert files(directory, kind) == before
    assert pending_replacement(directory, SOURCE) is None
    assert [path.name for path in before[0].parent.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_names_the_folder_that_is_known(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message named a temporary file that was gone by then."""
    before = files(directory)
    work = work_on(directory)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", refuse)
    folder = directory.raw_day("records", SOURCE, DAY)
    with pytest.raises(StorageError, match=rf"^{folder}: cannot be written \(No space left on device\)"):
        compact(directory, SOURCE, work)
    assert sorted(folder.iterdir()) == before


def test_a_replacement_goes_on_only_where_its_file_is_whole(directory: DataDirectory) -> None:
    before = files(directory)
    work = work_on(directory)
    name = compact(directory, SOURCE, work)
    found = pending_replacement(directory, SOURCE)
    assert found == Replacement("records", DAY, work.names, str(name))
    assert pending_replacement(directory, SOURCE) == found
    file = before[0].parent / found.by
    file.write_bytes(file.read_bytes()[:-1])
    assert pending_replacement(directory, SOURCE) is None
    assert files(directory) == before
    assert not directory.compaction_note(SOURCE).exists()


def test_a_file_that_went_bad_after_it_replaced_others_is_kept(directory: DataDirectory) -> None:
    """It is damaged like any other, and what is left of it may still be read."""
    before = files(directory)
    name = compact(directory, SOURCE, work_on(directory))
    before[1].unlink()
    file = before[0].parent / str(name)
    file.write_bytes(b"")
    assert pending_replacement(directory, SOURCE) is None
    assert file.exists()
    assert not directory.compaction_note(SOURCE).exists()


def test_a_damaged_note_of_a_replacement_is_dropped(directory: DataDirectory) -> None:
    before = files(directory)
    compact(directory, SOURCE, work_on(directory))
    note = directory.compaction_note(SOURCE)
    note.write_bytes(note.read_bytes().replace(b"records", b"recordz"))
    assert pending_replacement(directory, SOURCE) is None
    assert not note.exists()
    assert set(files(directory)) >= set(before)


@pytest.mark.parametrize("kind", ["records", "manifests"])
def test_a_loss_of_power_after_a_compaction_takes_no_record(
    kind: str,
    directory: DataDirectory,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new file was renamed without a sync, and what it replaced removed: a loss of power took both."""
    beside = tmp_path_factory.mktemp("beside")
    disk = Durability(directory.root, beside / "synced")
    disk.sync_all()
    expected = {row["content_hash"] for row in stored(files(directory, kind))}

    def sync(path: Path) -> None:
        (disk.sync_folder if path.is_dir() else disk.sync_file)(path)

    monkeypatch.setattr(atomic_write, "_sync", sync)
    compacted(directory, kind)
    for seed in range(20):
        left = DataDirectory(beside / f"left-{seed}")
        disk.lose(left.root, Random(seed))
        found = files(left, kind)
        assert all(map(is_intact, found))
        assert {row["content_hash"] for row in stored(found)} == expected
