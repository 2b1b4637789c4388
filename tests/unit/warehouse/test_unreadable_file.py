"""The published file is read whole whatever lies beside it; one that cannot be read says truly why."""

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.unreadable_file import explain_unreadable
from support.small_log import SmallLog

COUNT = "SELECT count(*), count(DISTINCT task_id), max(task_id) FROM tasks"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    log = SmallLog()
    log.daily("disk", "2026-03-01 01:00", 8)
    return log.publish(tmp_path_factory.mktemp("published") / "warehouse.duckdb").read_bytes()


@pytest.fixture
def path(tmp_path: Path, published: bytes) -> Path:
    path = tmp_path / "data" / "warehouse.duckdb"
    path.parent.mkdir()
    path.write_bytes(published)
    return path


KILLED = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("DELETE FROM tasks WHERE rowid < 5")
connection.execute("CREATE TABLE mine AS SELECT 1")
os._exit(0)
"""


def leave_a_log(path: Path) -> None:
    """A SQL client that opened the file read-write, changed it and was killed."""
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=True)
    assert path.with_name("warehouse.duckdb.wal").stat().st_size > 0


@pytest.mark.fault("files beside the warehouse")
def test_a_stale_log_beside_the_file_is_not_replayed(path: Path) -> None:
    """Five rows were missing from every warehouse published after a SQL client was killed."""
    before = query(path, COUNT).rows
    content = path.read_bytes()
    leave_a_log(path)
    path.write_bytes(content)
    assert query(path, COUNT).rows == before
    with pytest.raises(WarehouseError, match="mine"):
        query(path, "FROM mine")
    assert path.read_bytes() == content


@pytest.mark.fault("files beside the warehouse")
def test_a_log_is_not_replayed_where_no_link_can_be_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = query(path, COUNT).rows
    leave_a_log(path)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(self), str(target))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert query(path, COUNT).rows == before
    path.with_name("warehouse.duckdb.wal").unlink()
    assert query(path, COUNT).rows == before


@pytest.mark.fault("files beside the warehouse")
def test_reading_leaves_nothing_behind(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    with open_published(path) as connection:
        assert [one.name for one in path.parent.iterdir()] == ["warehouse.duckdb"]
        assert (
            connection.execute("SELECT current_setting('temp_directory')")
            .fetchall()[0][0]
            .startswith(str(spill))
        )
        assert [one.stat().st_mode & 0o777 for one in spill.iterdir()] == [0o700]
    assert list(spill.iterdir()) == []


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.communicate()


@pytest.mark.fault("unreadable warehouse")
def test_held_open_by_another_program_names_that(path: Path) -> None:
    """The advice was to make it again with rebuild."""
    with held_open(path) as pid, pytest.raises(WarehouseError, match="-readonly") as caught:
        query(path, COUNT)
    assert f"process {pid}" in str(caught.value)
    assert "rebuild" not in str(caught.value)
    assert query(path, COUNT).rows


def flipped(content: bytes, at: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 4
    return bytes(changed)


def of_version(content: bytes, version: int) -> bytes:
    """The file as a DuckDB of another storage version would write it: number and checksum."""
    changed = bytearray(content)
    struct.pack_into("<Q", changed, 12, version)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", changed[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    struct.pack_into("<Q", changed, 0, checksum)
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: flipped(content, 3), "damaged"),
        (lambda content: flipped(content, 4100), "damaged"),
        (lambda content: content[: len(content) // 2], "cut short"),
        (lambda content: content[:5000], "cut short"),
        (lambda content: content[:100], "cut short"),
        (lambda content: b"", "is empty"),
        (lambda content: b"no database" * 1000, "not a DuckDB file"),
        (lambda content: b"SQLite format 3\0" + bytes(8000), "not a DuckDB file"),
        (lambda content: of_version(content, 999), "newer DuckDB.*pip install --upgrade duckdb"),
        (lambda content: of_version(content, 1), "too old"),
    ],
)
@pytest.mark.fault("unreadable warehouse")
def test_each_defect_of_the_file_has_its_sentence(
    path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(WarehouseError, match=said) as caught:
        query(path, COUNT)
    assert "rebuild" in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.fault("unreadable warehouse")
def test_a_flipped_bit_anywhere_is_damage_or_nothing(path: Path) -> None:
    """Two of eight flips were answered with "check permissions and free space"."""
    content, found = path.read_bytes(), []
    for at in range(12_288 + 17, len(content), len(content) // 40):
        path.write_bytes(flipped(content, at))
        try:
            for table in ("tasks", "task_versions", "loads", "analytics.attempt"):
                query(path, f"SELECT max(hash(COLUMNS(*))) FROM {table}")
        except WarehouseError as error:
            found.append(str(error))
    assert len(found) > 5
    assert [said for said in found if "is damaged" not in said or "rebuild" not in said] == []


@pytest.mark.fault("unreadable warehouse")
def test_a_file_that_may_not_be_read_says_so(path: Path) -> None:
    """By its error alone: a test that runs as root may read everything."""
    error = duckdb.IOException(f'IO Error: Cannot open file "{path}": Permission denied')
    assert "Check its permissions" in str(explain_unreadable(path, error))


@pytest.mark.fault("unreadable warehouse")
def test_an_error_of_the_query_is_not_blamed_on_the_file(path: Path) -> None:
    with pytest.raises(WarehouseError, match="query failed"):
        query(path, "SELECT error('boom')")
