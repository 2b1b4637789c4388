"""A data directory to a store and back: the same files, never half of them, whatever happens meanwhile."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cbr_warehouse.errors import FreeSpaceError, StorageError
from cbr_warehouse.storage.format_version import require_known_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.object_store import PART_BYTES, ObjectStore
from cbr_warehouse.transfer import download as downloading
from cbr_warehouse.transfer import upload as uploading
from cbr_warehouse.transfer.download import Downloaded, download
from cbr_warehouse.transfer.snapshot import SNAPSHOT, CopiedFile, Snapshot, decode_snapshot, encode_snapshot
from cbr_warehouse.transfer.upload import Uploaded, upload
from cbr_warehouse.transfer.verify_objects import verify_contents
from support.command_line import PACKAGES
from support.object_stores import BUCKET, FaultyStore, error, opened

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)


def ignore(what: str, done: int, of: int) -> None:
    """Reports nothing."""


def raw_file(text: str) -> tuple[str, bytes]:
    content = text.encode() * 50
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return f"raw/records/source=a/day=2026-11-{len(text):02d}/{text}-{digest}.parquet", content


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """A data directory as loads leave it, by the names of its files; what is in them does not matter here."""
    files = dict(raw_file(text) for text in ("x", "yy", "zzz"))
    files |= {
        "raw/loads/source=a/1.json": b"{}",
        "raw/format-2.txt": b"",
        "tables/.state/source=a/day=2026-11-01.json": b"{}",
        "tables/tasks/source=a/day=2026-11-01/data.parquet": b"PAR1",
        "warehouse.duckdb": os.urandom(PART_BYTES + 1000),
        ".warehouse.json": b"{}",
        "reports/März & (1).html": b"<html>",
    }
    for name, content in files.items():
        write(tmp_path / "data" / name, content)
    for name in (
        ".load.lock",
        ".locks/a.lock",
        ".rates/x",
        "README.md",
        "raw/records/source=a/.part-1-x.parquet",
    ):
        write(tmp_path / "data" / name, b"of this machine")
    return DataDirectory(tmp_path / "data")


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}.new").write_bytes(content)
    path.with_name(f"{path.name}.new").replace(path)


def contents(root: Path) -> dict[str, bytes]:
    """All files that belong to a copy, by their paths."""
    mine = (".load.lock", ".locks", ".rates", "README.md", ".copy")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not str(path.relative_to(root)).startswith(mine) and ".part-" not in path.name
    }


@pytest.fixture
def store(endpoint: str) -> ObjectStore:
    return opened(endpoint, f"s3://{BUCKET}/{uuid4().hex}")


@pytest.fixture
def faulty(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with FaultyStore(endpoint).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


def behind(faulty: FaultyStore, store: ObjectStore, patience_seconds: float = 20.0) -> ObjectStore:
    return opened(faulty.endpoint, str(store.url), patience_seconds)


def send(
    directory: DataDirectory, store: ObjectStore, now: datetime = NOW, *, is_alone: bool = False
) -> Uploaded:
    return upload(directory, store, nullcontext(), now, ignore, is_alone=is_alone)


def bring(root: Path, store: ObjectStore) -> Downloaded:
    return download(DataDirectory(root), store, ignore)


def test_the_same_files_come_back(directory: DataDirectory, store: ObjectStore, tmp_path: Path) -> None:
    before = contents(directory.root)
    done = send(directory, store)
    assert (done.sent, len(done.snapshot.files)) == (10, 10)
    verify_contents(store, done.snapshot.files, ignore)
    back = bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == before == contents(directory.root)
    assert (back.received, back.snapshot.made_at) == (10, NOW)
    assert not (tmp_path / "back" / ".copy").exists()
    assert not directory.copy_folder.exists()
    assert bring(tmp_path / "back", store).received == 0  # it is there already


def test_a_second_copy_sends_what_changed_and_removes_nothing_that_is_read(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path
) -> None:
    first = send(directory, store)
    name, content = raw_file("a new one")
    write(directory.root / name, content)
    write(directory.warehouse, b"newer")
    second = send(directory, store, NOW + timedelta(hours=1))
    assert (second.sent, second.removed) == (2, 0)
    verify_contents(store, first.snapshot.files, ignore)  # by whom it is still being read
    third = send(directory, store, NOW + timedelta(hours=26))
    assert (third.sent, third.removed) == (0, 1)
    with pytest.raises(StorageError, match="no such object"):
        verify_contents(store, first.snapshot.files, ignore)
    bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == contents(directory.root)


def test_loads_that_go_on_while_files_are_sent_change_nothing(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(directory.root)
    send_one = uploading._send

    def replace_and_send(store: ObjectStore, folder: Path, file: CopiedFile) -> None:
        write(directory.root / file.path, b"of a later load")
        send_one(store, folder, file)

    monkeypatch.setattr(uploading, "_send", replace_and_send)
    send(directory, store)
    bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == before


@pytest.mark.fault("object stores")
def test_a_damaged_raw_file_is_not_copied(directory: DataDirectory, store: ObjectStore) -> None:
    name, content = raw_file("x")
    write(directory.root / name, content[:-1])
    with pytest.raises(StorageError, match="is damaged: its content does not match the checksum in its name"):
        send(directory, store)
    assert store.read(SNAPSHOT) is None
    assert not directory.copy_folder.exists()


@pytest.mark.fault("object stores")
@pytest.mark.parametrize(
    "answer", [error(400, "ExpiredToken"), error(403, "AccessDenied")], ids=["expired", "denied"]
)
@pytest.mark.parametrize("after", [0, 3, 8, 11])
def test_a_copy_that_ends_early_leaves_the_last_one_and_is_continued(
    directory: DataDirectory,
    store: ObjectStore,
    faulty: FaultyStore,
    tmp_path: Path,
    answer: bytes,
    after: int,
) -> None:
    before = contents(directory.root)
    send(directory, store)
    write(directory.warehouse, os.urandom(100))
    for text in ("new", "newer", "newest"):
        write(directory.root / raw_file(f"{text} one")[0], raw_file(f"{text} one")[1])
    faulty.fault = lambda request: answer if len(faulty.requests) > after else None
    with pytest.raises(StorageError, match=r"have expired|does not allow"):
        send(directory, behind(faulty, store), NOW + timedelta(hours=1))
    bring(tmp_path / "old", store)
    assert contents(tmp_path / "old") == before
    send(directory, store, NOW + timedelta(hours=1))
    bring(tmp_path / "new", store)
    assert contents(tmp_path / "new") == contents(directory.root)


@pytest.mark.fault("object stores")
def test_slow_down_lost_responses_and_lists_that_lag(
    directory: DataDirectory, store: ObjectStore, faulty: FaultyStore, tmp_path: Path
) -> None:
    """Every third request is answered 503, every fifth loses its response, and lists show no raw file."""
    faulty.fault = faulty.slow_down_and_lose
    faulty.hidden_from_lists = lambda key: "raw/" in key
    through = behind(faulty, store)
    send(directory, through)
    bring(tmp_path / "back", through)
    assert contents(tmp_path / "back") == contents(directory.root)


@pytest.mark.fault("object stores")
def test_of_two_copies_at_once_one_counts_whole(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(directory, store)
    other = DataDirectory(tmp_path / "other")
    write(other.root / "raw/loads/source=b/1.json", b"{}")
    publish = uploading._publish

    def late(store: ObjectStore, content: bytes, etag: str | None, *, is_alone: bool) -> bool:
        monkeypatch.setattr(uploading, "_publish", publish)
        send(other, store)
        return publish(store, content, etag, is_alone=is_alone)

    monkeypatch.setattr(uploading, "_publish", late)
    write(directory.warehouse, b"newer")
    with pytest.raises(StorageError, match="another copy was finished meanwhile"):
        send(directory, store)
    bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == contents(other.root)


@pytest.mark.fault("object stores")
def test_a_store_that_ignores_conditions_is_refused_unless_the_copy_is_alone(
    directory: DataDirectory, store: ObjectStore, faulty: FaultyStore, tmp_path: Path
) -> None:
    faulty.without_headers = frozenset({"if-none-match", "if-match"})
    through = behind(faulty, store)
    with pytest.raises(StorageError, match="ignores If-None-Match"):
        send(directory, through)
    assert store.sizes("files") == {}
    send(directory, through, is_alone=True)
    bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == contents(directory.root)


@pytest.mark.fault("object stores")
def test_a_damaged_object_is_found_and_nothing_is_put_in_place(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path
) -> None:
    done = send(directory, store)
    file = next(file for file in done.snapshot.files if file.path == "warehouse.duckdb")
    store.write(file.key, b"x" * file.size)
    with pytest.raises(StorageError, match="is damaged: its content does not match its checksum"):
        verify_contents(store, done.snapshot.files, ignore)
    with pytest.raises(StorageError, match="is damaged"):
        bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == {}


def test_a_directory_with_other_data_is_left_alone(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path
) -> None:
    send(directory, store)
    write(tmp_path / "back" / "raw/loads/source=b/1.json", b"{}")
    with pytest.raises(StorageError, match="holds other data already"):
        bring(tmp_path / "back", store)
    assert contents(tmp_path / "back") == {"raw/loads/source=b/1.json": b"{}"}


def test_without_a_copy_or_room_it_says_so(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match="there is no copy"):
        bring(tmp_path / "back", store)
    send(directory, store)
    monkeypatch.setattr(downloading, "free_bytes_of", lambda folder: 1000)
    with pytest.raises(FreeSpaceError, match="needs 8 MB more"):
        bring(tmp_path / "back", store)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "raw/../../x", ".locks/a.lock", "", "raw//x", ".copy/x"])
def test_a_list_that_leads_out_of_the_directory_is_refused(path: str) -> None:
    content = encode_snapshot(Snapshot("1", NOW, (CopiedFile(path, 1, "0" * 64),)))
    with pytest.raises(StorageError, match="is no file of a data directory"):
        decode_snapshot(content, "s3://bucket/x")
    with pytest.raises(StorageError, match="is not what was written"):
        decode_snapshot(content[:-9], "s3://bucket/x")


KILLED = """
import os, sys
from pathlib import Path
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.transfer import download as room
from support.object_stores import opened

left = int(sys.argv[4])
def count(real):
    def step(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*arguments, **named)
    return step
for name in ("write_parts", "write_bytes", "write_json", "put_in_place", "remove_file", "remove_folder"):
    setattr(room, name, count(getattr(room, name)))
room.download(DataDirectory(Path(sys.argv[1])), opened(sys.argv[2], sys.argv[3]), lambda *told: None)
"""


@pytest.mark.fault("object stores")
@pytest.mark.parametrize("steps", [0, 4, 10, 12, 14, 19])
def test_killed_at_a_step_the_next_run_finishes(
    directory: DataDirectory, store: ObjectStore, endpoint: str, tmp_path: Path, steps: int
) -> None:
    send(directory, store)
    back = DataDirectory(tmp_path / "back")
    command = [sys.executable, "-c", KILLED, str(back.root), endpoint, str(store.url), str(steps)]
    tests = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": f"{PACKAGES}{os.pathsep}{tests}"}
    assert subprocess.run(command, env=environ, check=False).returncode == 9
    if set() < contents(back.root).keys() < contents(directory.root).keys():  # half of it is in place
        with pytest.raises(StorageError, match="a copy from a store is being put in place"):
            require_known_format(back)
        other = opened(endpoint, f"s3://{BUCKET}/elsewhere")
        with pytest.raises(StorageError, match="Come to the end of it first"):
            bring(back.root, other)
    send(directory, store)  # another list, of the same files
    bring(back.root, store)
    assert contents(back.root) == contents(directory.root)
    require_known_format(back)
