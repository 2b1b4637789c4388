"""What lies beside the published file: what goes, what stays, and what readers see in the end."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.warehouse import sidecars
from cbr_warehouse.warehouse.sidecars import remove_sidecars, verify_published

pytestmark = pytest.mark.fault("files beside the warehouse")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE tasks AS FROM range(3)")
        connection.execute("CREATE TABLE loads AS FROM range(2)")
    return path


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "x").touch()


def make_link(path: Path) -> None:
    other = path.parent / "elsewhere"
    other.mkdir()
    path.symlink_to(other)


@pytest.mark.parametrize("make", [Path.touch, make_folder, make_link])
@pytest.mark.parametrize(
    "name", ["warehouse.duckdb.wal", "warehouse.duckdb.wal.old", "warehouse.duckdb.x.wal"]
)
def test_logs_of_other_programs_go_with_a_warning(
    path: Path, name: str, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    make(path.with_name(name))
    kept = [path.with_name(one) for one in ("other.duckdb.wal", "warehouse.duckdb", "warehouse.duckdbx.wal")]
    for one in kept:
        one.touch()
    with caplog.at_level(logging.WARNING):
        remove_sidecars(path)
        remove_sidecars(path)
    assert not os.path.lexists(path.with_name(name))
    assert all(one.exists() for one in kept)
    assert make is not make_link or (path.parent / "elsewhere").is_dir()
    (message,) = caplog.messages
    assert message.startswith(f"{path.with_name(name)}: was left by a program that opened the warehouse")


@pytest.mark.parametrize(("age", "is_kept"), [(86_300, True), (86_500, False)])
@pytest.mark.parametrize("newest", ["folder", "file"])
def test_a_spill_folder_goes_a_day_after_its_last_change(
    path: Path, age: float, is_kept: bool, newest: str
) -> None:
    spill = path.with_name("warehouse.duckdb.tmp")
    make_folder(spill)
    ages = {"folder": age, "file": 90_000.0} if newest == "folder" else {"folder": 90_000.0, "file": age}
    os.utime(spill / "x", (time.time() - ages["file"],) * 2)
    os.utime(spill, (time.time() - ages["folder"],) * 2)
    remove_sidecars(path)
    assert spill.exists() == is_kept


def test_readers_see_what_was_published(path: Path) -> None:
    verify_published(path, {"tasks": 3, "loads": 2})
    with pytest.raises(WarehouseError, match=r"do not see what was published, in tasks, loads: another"):
        verify_published(path, {"tasks": 4, "loads": 1})
    with pytest.raises(WarehouseError, match=r"published, in loads: another program"):
        verify_published(path, {"tasks": 3, "loads": 1})


def test_a_log_written_since_is_removed_before_readers_are_warned(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([{"tasks": 1}, {"tasks": 3}])
    monkeypatch.setattr(sidecars, "_count", lambda *_: next(counts))
    path.with_name("warehouse.duckdb.wal").touch()
    verify_published(path, {"tasks": 3})
    assert not path.with_name("warehouse.duckdb.wal").exists()


def test_a_file_that_another_program_holds_open_is_not_judged(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(message: str) -> None:
        def open_engine(folder: Path) -> None:
            raise duckdb.IOException(message)

        monkeypatch.setattr(sidecars, "open_shared_engine", open_engine)

    refuse('IO Error: Could not set lock on file "x"')
    with caplog.at_level(logging.WARNING):
        verify_published(path, {"tasks": 9})
    (message,) = caplog.messages
    assert message.startswith(
        f"{path} was published, but another program has opened it for writing: IO Error"
    )
    refuse("IO Error: No space left on device")
    with pytest.raises(duckdb.IOException, match="No space left"):
        verify_published(path, {"tasks": 9})
