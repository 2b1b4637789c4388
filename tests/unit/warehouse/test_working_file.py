"""The file of a warehouse being built: copied whole, attached in its format, rewritten when bloated."""

import errno
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.tables.engine import limit_memory, open_engine, with_enough_memory
from cbr_warehouse.warehouse import working_file
from cbr_warehouse.warehouse.working_file import attached, can_clone, copy_file, is_bloated


@pytest.mark.parametrize("folder", ["plain", "a?b"])
def test_what_is_written_to_an_attached_file_is_in_it(tmp_path: Path, folder: str) -> None:
    """DuckDB puts the WAL of a path with a question mark into a folder that does not exist."""
    path = tmp_path / folder / "warehouse.duckdb"
    path.parent.mkdir()
    for number in (1, 2):
        with duckdb.connect() as connection, attached(connection, path):
            connection.execute("CREATE TABLE IF NOT EXISTS t AS SELECT 0 AS n")
            connection.execute("INSERT INTO t VALUES ($1)", [number])
            if folder == "plain":
                opened = connection.execute("SELECT path FROM duckdb_databases() WHERE path IS NOT NULL")
                assert opened.fetchall() == [(str(path),)]
        assert list(path.parent.iterdir()) == [path]
    copy_file(path, tmp_path / "copy")
    with duckdb.connect(str(tmp_path / "copy"), read_only=True) as connection:
        assert connection.execute("SELECT n FROM t ORDER BY n").fetchall() == [(0,), (1,), (2,)]
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'copy'")
        assert "v1.2.0" in str(tags.fetchall())


MANY_SHORT_AND_SOME_LONG = "CASE WHEN n % 3 = 0 THEN repeat(md5(n::VARCHAR), 31250) ELSE md5(n::VARCHAR) END"
"""Texts that an insert has memory for, and a checkpoint has not: it holds those of a row group together."""


def test_a_checkpoint_that_runs_out_of_memory_is_done_again_with_more(tmp_path: Path) -> None:
    """Its error is no OutOfMemoryException, so a publication failed instead."""
    path, failed = tmp_path / "warehouse.duckdb", []

    def write(megabytes: int) -> None:
        path.unlink(missing_ok=True)
        with open_engine(tmp_path, 1) as connection, attached(connection, path):
            limit_memory(connection, megabytes // 2)
            connection.execute("CREATE TABLE t (n BIGINT, text VARCHAR)")
            connection.execute(f"INSERT INTO t SELECT n, {MANY_SHORT_AND_SOME_LONG} FROM range(200) AS r(n)")
            try:
                connection.execute("CHECKPOINT")
            except duckdb.Error as error:
                failed.append(type(error))
                raise

    with_enough_memory(write)
    assert failed
    assert duckdb.OutOfMemoryException not in failed
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(f"SELECT count(*), bool_and(text = {MANY_SHORT_AND_SOME_LONG}) FROM t")
        assert found.fetchall() == [(200, True)]


def test_the_engine_is_done_with_the_file_afterwards(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        with attached(connection, tmp_path / "warehouse.duckdb"):
            assert connection.execute("SELECT current_database()").fetchall() == [("warehouse",)]
        names = connection.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal")
        assert names.fetchall() == [("memory",)]


CONTENT = bytes(range(256)) * 1000


plain: Any = getattr(os, "copy_file_range", None)
"""Not on every system."""


def short(source: int, target: int, count: int) -> int:
    """The system may copy less than it is asked for."""
    copied: int = plain(source, target, min(count, 100_000))
    return copied


def stuck(_source: int, _target: int, _count: int) -> int:
    return 0


def refused(_source: int, _target: int, _count: int) -> int:
    raise OSError(errno.EXDEV, "Invalid cross-device link")


@pytest.mark.parametrize("copy_range", [*([plain, short] if plain else []), stuck, refused, None])
def test_a_file_is_copied_whole_however_the_system_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_range: Any
) -> None:
    if copy_range is None:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    else:
        monkeypatch.setattr(os, "copy_file_range", copy_range, raising=False)
    origin, target = tmp_path / "origin", tmp_path / "target"
    origin.write_bytes(CONTENT)
    target.write_bytes(b"what was there before" * 99_999)
    if copy_range is not None and copy_range in (plain, short):
        # Where the system copies, which may share the blocks, nothing is copied again byte by byte.
        monkeypatch.setattr(working_file.shutil, "copyfile", lambda *_: pytest.fail("copied again"))
    copy_file(origin, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_missing_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "origin", tmp_path / "target")


class Sized:
    """An engine that says how much of its file is free space."""

    def __init__(self, free: int) -> None:
        self._free = free

    def execute(self, query: str) -> "Sized":
        assert "pragma_database_size" in query
        return self

    def fetchall(self) -> list[tuple[int]]:
        return [(self._free,)]


@pytest.mark.parametrize(
    ("size", "free", "expected"),
    [
        (2**20, 64 * 2**20, False),
        (2**20, 64 * 2**20 + 1, True),
        (200 * 2**20, 100 * 2**20, False),
        (200 * 2**20, 100 * 2**20 + 1, True),
    ],
)
def test_a_file_is_rewritten_for_64_mb_that_are_half_of_it(
    tmp_path: Path, size: int, free: int, expected: bool
) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.touch()
    os.truncate(path, size)
    assert is_bloated(Sized(free), path) == expected  # type: ignore[arg-type]


def test_the_free_space_is_that_of_the_attached_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working_file, "_BLOAT_BYTES", 2**20)
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect() as connection, attached(connection, path):
        connection.execute("CREATE TABLE t AS SELECT random() AS x FROM range(2_000_000)")
        connection.execute("CHECKPOINT")
        assert not is_bloated(connection, path)
        connection.execute("DROP TABLE t")
        connection.execute("CHECKPOINT")
        assert is_bloated(connection, path) == (path.stat().st_size > 2**20)


@pytest.mark.parametrize("code", [None, errno.EOPNOTSUPP])
def test_a_file_system_is_asked_for_reflinks_with_a_probe_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    asked: list[tuple[str, ...]] = []

    def clone(_target: int, request: int, _source: int) -> int:
        asked.append(tuple(sorted(path.name for path in tmp_path.iterdir())))
        assert request == 0x40049409
        if code is not None:
            raise OSError(code, "refused")
        return 0

    monkeypatch.setattr(working_file, "ioctl", clone)
    monkeypatch.setattr(working_file.sys, "platform", "linux")
    path = tmp_path / "warehouse.duckdb"
    path.touch()
    assert can_clone(path) == (code is None)
    ((probe, name),) = asked
    assert probe.startswith(TEMPORARY_PREFIX)
    assert name == path.name
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("platform", "expected"), [("darwin", True), ("sunos5", False)])
def test_other_systems_are_known(monkeypatch: pytest.MonkeyPatch, platform: str, expected: bool) -> None:
    monkeypatch.setattr(working_file.sys, "platform", platform)
    assert can_clone(Path("/nowhere")) == expected
