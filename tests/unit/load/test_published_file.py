"""What other programs and the disk do to the published file, a load and a rebuild make good."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

import cbr_warehouse.warehouse.build as building
from cbr_warehouse.load.run import rebuild
from support.living_source import Dialect, living
from support.load_bench import Bench

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

Again = Callable[[Bench], object]


def load_again(bench: Bench) -> None:
    bench.source.now += timedelta(minutes=1)
    assert bench.load().exit_status(strict=False) == 0


def rebuild_all(bench: Bench) -> None:
    rebuild(bench.loading())


AGAIN = pytest.mark.parametrize("again", [load_again, rebuild_all])


@pytest.fixture(scope="module")
def loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("loaded"), living(NOW, 5, Dialect()))
    bench.load()
    return bench


@pytest.fixture
def bench(loaded_once: Bench, tmp_path: Path) -> Bench:
    folder = shutil.copytree(loaded_once.directory.root, tmp_path / "data")
    return Bench(folder, living(NOW, 5, Dialect()))


def rows_seen(path: Path) -> int:
    """Tasks, as any program sees them that opens the file read-only."""
    query = "SELECT count(*) FROM tasks"
    opened = f"duckdb.connect({str(path)!r}, read_only=True)"
    program = f"import duckdb; print({opened}.execute({query!r}).fetchone()[0])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout)


@contextmanager
def writer(path: Path, then: str) -> Iterator[subprocess.Popen[str]]:
    """A SQL client that deletes rows without a checkpoint."""
    program = f"""
        import duckdb, os, signal, sys
        connection = duckdb.connect({str(path)!r})
        connection.execute("SET checkpoint_threshold = '1GB'")
        connection.execute("DELETE FROM resources")
        connection.execute("DELETE FROM tasks WHERE task_id IN (SELECT task_id FROM tasks LIMIT 5)")
        print("written", flush=True)
        {then}
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@AGAIN
@pytest.mark.fault("files beside the warehouse")
def test_the_log_of_a_killed_writer_removes_no_row(
    bench: Bench, caplog: pytest.LogCaptureFixture, again: Again
) -> None:
    """DuckDB replayed it on every newly published file: rows vanished, with exit 0."""
    path = bench.directory.warehouse
    expected = rows_seen(path)
    with writer(path, "os.kill(os.getpid(), signal.SIGKILL)") as process:
        process.wait()
        assert process.returncode == -signal.SIGKILL
    assert path.with_name("warehouse.duckdb.wal").stat().st_size > 0
    assert rows_seen(path) < expected
    again(bench)
    assert rows_seen(path) == expected
    assert not list(bench.directory.root.glob("*wal*"))
    assert "warehouse.duckdb.wal: was left by a program that opened the warehouse for writing" in caplog.text


@AGAIN
@pytest.mark.fault("files beside the warehouse")
def test_a_program_that_has_the_file_open_for_writing_keeps_no_load_from_publishing(
    bench: Bench, again: Again
) -> None:
    path = bench.directory.warehouse
    expected = rows_seen(path)
    with writer(path, "sys.stdin.read()") as process:
        again(bench)
        assert rows_seen(path) == expected
        assert process.poll() is None
    assert rows_seen(path) == expected


@pytest.mark.fault("files beside the warehouse")
def test_rows_deleted_for_good_come_back_with_the_next_load(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The next load built on what was left."""
    path = bench.directory.warehouse
    expected = rows_seen(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM resources")
        connection.execute("DELETE FROM tasks WHERE task_id IN (SELECT task_id FROM tasks LIMIT 5)")
    assert rows_seen(path) == expected - 5
    load_again(bench)
    assert rows_seen(path) == expected
    assert "its content is not what was published" in caplog.text


@pytest.mark.fault("killed processes")
def test_a_crash_before_the_rename_does_not_make_a_changed_file_known(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its checksum was noted beside that of the next one, and the load after built on it."""
    path = bench.directory.warehouse
    expected = rows_seen(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM tasks WHERE task_id IN (SELECT task_id FROM tasks LIMIT 5)")
    with monkeypatch.context() as patch:
        patch.setattr(building, "remove_sidecars", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rebuild_all(bench)
    load_again(bench)
    assert rows_seen(path) == expected


def interrupt(_path: Path) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("eighth", range(8))
@pytest.mark.fault("unreadable warehouse")
def test_a_flipped_bit_anywhere_is_made_good_by_the_next_load(
    bench: Bench, caplog: pytest.LogCaptureFixture, eighth: int
) -> None:
    """It was answered with "check permissions and free space", or passed on to all later warehouses.

    The disk leaves the time of a file that it damages as it is.
    """
    path = bench.directory.warehouse
    load_again(bench)
    expected, times = rows_seen(path), path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) * eighth // 8 + 4111] ^= 4
    path.write_bytes(bytes(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    load_again(bench)
    assert rows_seen(path) == expected
    assert "built again from the tables" in caplog.text


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 999])
@pytest.mark.fault("unreadable warehouse")
def test_a_file_that_is_no_warehouse_is_replaced(bench: Bench, content: bytes) -> None:
    path = bench.directory.warehouse
    expected = rows_seen(path)
    path.write_bytes(content)
    load_again(bench)
    assert rows_seen(path) == expected


@pytest.mark.parametrize("note", [None, b"{", b"[]", b'["0"]'])
@pytest.mark.fault("damaged files")
def test_a_note_that_is_gone_or_damaged_costs_no_row(bench: Bench, note: bytes | None) -> None:
    path = bench.directory.warehouse
    expected = rows_seen(path)
    bench.directory.warehouse_note.unlink()
    if note is not None:
        bench.directory.warehouse_note.write_bytes(note)
    load_again(bench)
    assert rows_seen(path) == expected
    bench.directory.warehouse_note.unlink()


def test_a_warehouse_as_it_was_published_is_built_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    before = bench.directory.warehouse.stat().st_mtime_ns
    with caplog.at_level(logging.WARNING):
        load_again(bench)
        load_again(bench)
    assert "built again" not in caplog.text
    assert bench.directory.warehouse.stat().st_mtime_ns > before
