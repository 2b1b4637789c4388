"""Opening the published file where links, folders or the file itself are not to be had."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.warehouse import open_published as room
from cbr_warehouse.warehouse.open_published import connect_published, open_published, require_published
from cbr_warehouse.warehouse.unreadable_file import explain_unreadable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "warehouse.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE tasks AS SELECT 7 AS n")
    return path


def read(path: Path) -> list[Any]:
    with open_published(path) as connection:
        return connection.execute("SELECT n FROM tasks").fetchall()


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def refuse_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(room.tempfile, "mkdtemp", refuse)


def test_a_warehouse_that_is_missing_is_said_to_be(path: Path) -> None:
    require_published(path)
    path.unlink()
    sentence = f"There is no warehouse yet at {path}. Make one with 'cbr-warehouse load'"
    for opened in (require_published, connect_published, read):
        with pytest.raises(WarehouseError) as caught:
            opened(path)
        assert str(caught.value).startswith(sentence)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("has_spill", [True, False])
@pytest.mark.parametrize("has_links", [True, False])
def test_it_is_read_with_or_without_links_and_temporary_folders(
    path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool, has_spill: bool
) -> None:
    if not has_links:
        refuse_links(monkeypatch)
    if not has_spill:
        refuse_folders(monkeypatch)
    assert read(path) == [(7,)]
    opened = connect_published(path)
    assert (opened.spill is not None) == has_spill
    assert opened.place == path
    opened.close()
    assert opened.spill is None or not opened.spill.exists()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.fault("files beside the warehouse")
def test_beside_a_log_it_is_read_through_a_copy_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch)
    log = path.with_name("warehouse.duckdb.wal")
    log.symlink_to(path.parent / "nothing")
    opened = connect_published(path)
    assert opened.connection.execute("SELECT n FROM tasks").fetchall() == [(7,)]
    assert opened.spill is not None
    assert list(opened.spill.iterdir()) == []
    opened.close()
    refuse_folders(monkeypatch)
    with pytest.raises(WarehouseError, match=rf"^{log} was left by another program .* Remove it\.$"):
        read(path)


@pytest.mark.fault("killed processes")
@pytest.mark.parametrize(("removals", "is_read"), [(1, True), (2, True), (3, False)])
def test_a_load_that_removes_the_link_before_it_is_open_is_outrun(
    path: Path, monkeypatch: pytest.MonkeyPatch, removals: int, is_read: bool
) -> None:
    plain, left = room._is_linked, [removals]

    def link(origin: Path, target: Path) -> bool:
        found = plain(origin, target)
        if left[0]:
            left[0] -= 1
            shutil.rmtree(target.parent)
        return found

    monkeypatch.setattr(room, "_is_linked", link)
    if is_read:
        assert read(path) == [(7,)]
    else:
        with pytest.raises(WarehouseError, match=f"^{path} cannot be opened"):
            read(path)
    assert left == [0]
    assert list(path.parent.glob(f"{TEMPORARY_PREFIX}*")) == []


@pytest.mark.parametrize(
    "setting",
    [
        "enable_external_access",
        "autoinstall_known_extensions",
        "autoload_known_extensions",
        "lock_configuration",
    ],
)
def test_the_engine_can_reach_nothing_else(path: Path, setting: str) -> None:
    with open_published(path) as connection:
        found = connection.execute(f"SELECT current_setting('{setting}'), current_setting('TimeZone')")
        assert found.fetchall() == [(setting == "lock_configuration", "UTC")]
        names = connection.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal")
        assert names.fetchall() == [("warehouse",)]


@pytest.mark.fault("unreadable warehouse")
def test_an_error_within_the_block_is_the_files_where_it_is(path: Path) -> None:
    with pytest.raises(WarehouseError, match=f"^{path} is damaged"), open_published(path):
        raise duckdb.FatalException("FATAL Error: checksum")
    with pytest.raises(duckdb.BinderException), open_published(path) as connection:
        connection.execute("SELECT nothing")


LOCKED = 'IO Error: Could not set lock on file "x": Conflicting lock is held in /usr/bin/duckdb (PID 77)'


@pytest.mark.fault("unreadable warehouse")
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (LOCKED, "is open for writing in another program (duckdb, process 77). Close it there, and let"),
        ("IO Error: Could not set lock on file", "is open for writing in another program. Close it there"),
        ("IO Error: x: Permission denied", "cannot be read (Permission denied). Check its permissions"),
        ("IO Error: version number 1, between 64 and 68", "cannot be opened (IO Error: version number 1"),
        (
            "IO Error: with version number 1, between 64 and 68",
            "was written by a DuckDB too old for this one",
        ),
        ("IO Error: with version number 99, only 64", "was written by a newer DuckDB than this one"),
        ("IO Error: with version number 64, only 64", "was written by a newer DuckDB than this one"),
        ("IO Error: with version number 99", "was written by a newer DuckDB than this one"),
        ("IO Error: Corrupt database file", "is damaged: its content does not match its checksums."),
        ("IO Error: Failed to deserialize: x", "is damaged: its content does not match its checksums."),
        ("IO Error: Could not read enough bytes", "is damaged: it is cut short."),
        ("IO Error: not a valid DuckDB file", "is not a DuckDB file."),
        ("IO Error: something else\nwith more", "cannot be opened (IO Error: something else). The next"),
    ],
)
def test_each_error_on_opening_has_its_sentence(path: Path, said: str, sentence: str) -> None:
    found = explain_unreadable(path, duckdb.IOException(said), always=True)
    assert str(found).startswith(f"{path} {sentence}")


@pytest.mark.fault("unreadable warehouse")
def test_an_empty_file_and_a_missing_one_are_told_apart(path: Path) -> None:
    error = duckdb.IOException("IO Error: not a valid DuckDB file")
    path.write_bytes(b"")
    assert str(explain_unreadable(path, error)).startswith(f"{path} is empty. The next 'cbr-warehouse load'")
    path.unlink()
    assert str(explain_unreadable(path, error)).startswith(f"{path} is not a DuckDB file.")
    assert explain_unreadable(path, duckdb.BinderException("no such column")) is None
