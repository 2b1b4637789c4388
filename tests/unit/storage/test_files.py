"""Reading and listing by the operations that another kind of store could offer too."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.files import changed_at, names_in, open_file, read_existing, size_of
from cbr_warehouse.storage.staged_files import discard_staged


def test_a_folder_lists_its_own_visible_names_in_order(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.json", "a.json", "a-1.json", ".part-c.json", "d.txt", "below/e.json"):
        (tmp_path / name).write_bytes(b"")
    assert names_in(tmp_path) == ["a-1.json", "a.json", "b.json", "below", "d.txt"]
    assert names_in(tmp_path, suffix=".json") == ["a-1.json", "a.json", "b.json"]
    assert names_in(tmp_path, prefix="a", suffix=".json") == ["a-1.json", "a.json"]


def test_a_folder_that_is_not_there_has_no_names(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [names_in(tmp_path / name) for name in ("none", "file", "loop")] == [[], [], []]


def test_what_is_no_file_has_no_size(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"four")
    assert (size_of(file), size_of(tmp_path), size_of(tmp_path / "none")) == (4, None, None)
    assert size_of(file / "below") is None


def test_a_file_says_when_it_was_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert changed_at(file) == datetime.fromtimestamp(1_700_000_000, UTC)
    assert changed_at(tmp_path / "none") is None


def test_a_file_that_must_be_there_is_named_where_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none: cannot be read \(No such file"):
        read_existing(tmp_path / "none")
    with pytest.raises(StorageError, match=r"none: cannot be read"), open_file(tmp_path / "none"):
        pass


def test_a_discarded_file_takes_its_empty_folder_along(tmp_path: Path) -> None:
    empty, other = tmp_path / "day=1", tmp_path / "day=2"
    for folder in (empty, other):
        folder.mkdir()
        (folder / ".part-x.parquet").write_bytes(b"")
    (other / "data.parquet").write_bytes(b"")
    for folder in (empty, other, tmp_path / "day=3"):
        discard_staged(folder / ".part-x.parquet", folder / "data.parquet")
    assert not empty.exists()
    assert [path.name for path in other.iterdir()] == ["data.parquet"]
