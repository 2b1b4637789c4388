"""What is refused, found and taken along where a folder becomes the data directory of a store."""

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import FreeSpaceError, StorageError
from cbr_warehouse.remote import fill as filling
from cbr_warehouse.remote.copy_state import copy_id
from cbr_warehouse.remote.fill import Filled, fill
from cbr_warehouse.remote.hold import add_files, refresh_everything
from cbr_warehouse.remote.place import open_pool
from cbr_warehouse.remote.scopes import REPORTS, WAREHOUSE
from cbr_warehouse.remote.source_names import (
    Filling,
    has_data_directory,
    new_filling,
    read_sources,
    require_no_data_directory,
    write_names,
)
from cbr_warehouse.remote.stored_files import find_stored_files
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.object_store import ObjectStore
from cbr_warehouse.transfer.download import download
from cbr_warehouse.transfer.linked_copy import LinkedCopy
from cbr_warehouse.transfer.snapshot import CopiedFile
from cbr_warehouse.transfer.upload import upload
from support.object_stores import FaultyStore, opened
from support.store_hosts import NOW, RAW, Host

FILES = {
    "raw/format-2.txt": "",
    "raw/loads/source=a/1.json": "{}",
    "raw/loads/source=b/1.json": "{}",
    "raw/accounts/acme.json": "{}",
    "tables/tasks/source=a/day=2026-11-01/data.parquet": "PAR1",
    ".check-alerts.json": "{}",
    "warehouse.duckdb": "warehouse",
    "reports/März & (1).html": "<html>",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.new").write_text(text)
        path.with_name(f"{path.name}.new").replace(path)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """A data directory by the names of its files; what is in them does not matter here."""
    write(tmp_path / "data", FILES | {".load.lock": "of this machine", "notes.txt": "of the user"})
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def store(endpoint: str, url: str) -> ObjectStore:
    return opened(endpoint, url)


@pytest.fixture
def faulty(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with FaultyStore(endpoint).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


def ignore(what: str, done: int, of: int) -> None:
    """Reports nothing."""


def send(directory: DataDirectory, store: ObjectStore, minutes: int = 0) -> Filled:
    at = NOW + timedelta(minutes=minutes)
    claim = new_filling(copy_id(directory), f"copy of {directory.root}", at)
    pool = open_pool(DataDirectory(directory.root.with_name("cache") / "work", str(store.url)))
    return fill(directory, store, pool, nullcontext(), claim, ignore)


def there(store: ObjectStore, folder: Path) -> dict[str, str]:
    """What a store has, brought back into a folder."""
    download(DataDirectory(folder), store, ignore, find_stored_files)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_same_files_are_there_and_any_host_goes_on(
    directory: DataDirectory, store: ObjectStore, url: str, tmp_path: Path
) -> None:
    done = send(directory, store)
    assert (done.files, done.sent, done.left) == (len(FILES), len(FILES), ("notes.txt",))
    assert read_sources(store) == ("a", "b")
    host = Host(tmp_path / "host", url)
    assert host.read() == {"1": "{}", "data": "PAR1"}
    assert host.read(WAREHOUSE) == {"format-2": "", "warehouse": "warehouse"}
    assert host.read(REPORTS) == {"März & (1)": "<html>"}
    host.load(two="2")
    assert there(store, tmp_path / "back") == FILES | {f"{RAW}two.json": "2"}


def test_run_again_it_finds_all_there(directory: DataDirectory, store: ObjectStore) -> None:
    send(directory, store)
    assert send(directory, store).sent == 0


@pytest.fixture
def unfinished(
    directory: DataDirectory, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> DataDirectory:
    """A folder whose copy was interrupted after everything was committed, and before that was noted."""

    def interrupted(
        store: ObjectStore, names: Collection[str], claim: Filling | None, etag: str | None
    ) -> bool:
        if claim is None:
            raise InterruptedError
        return write_names(store, names, claim, etag)

    with monkeypatch.context() as patch:
        patch.setattr(filling, "write_names", interrupted)
        with pytest.raises(InterruptedError):
            send(directory, store)
    return directory


def test_what_came_since_an_interrupted_run_is_taken_along(
    unfinished: DataDirectory, store: ObjectStore, tmp_path: Path
) -> None:
    news = {"raw/loads/source=a/1.json": "changed", "raw/loads/source=a/2.json": "new"}
    write(unfinished.root, news)
    gone = ("reports/März & (1).html", "raw/loads/source=b/1.json")
    for name in gone:
        (unfinished.root / name).unlink()
    assert send(unfinished, store, minutes=5).sent == 2
    expected = {name: text for name, text in (FILES | news).items() if name not in gone}
    assert there(store, tmp_path / "back") == expected
    assert read_sources(store) == ("a",)


def test_until_it_is_done_nobody_else_uses_it(
    unfinished: DataDirectory, store: ObjectStore, url: str, tmp_path: Path
) -> None:
    host = Host(tmp_path / "host", url)
    with pytest.raises(StorageError, match=r"a folder is being copied there \(copy of .*data"):
        host.load(two="2")
    with pytest.raises(StorageError, match="a folder is being copied there"):
        refresh_everything(host.directory, host.said.append)
    with pytest.raises(StorageError, match="a folder is being copied there"):
        there(store, tmp_path / "back")
    other = DataDirectory(tmp_path / "other" / "data")
    write(other.root, FILES)
    with pytest.raises(StorageError, match="another folder is being copied there"):
        send(other, store)
    send(unfinished, store)
    host.load(two="2")


@pytest.mark.parametrize("what", ["loaded", "copied", "of another folder", "found projects"])
def test_other_data_are_left_alone(
    directory: DataDirectory, store: ObjectStore, url: str, tmp_path: Path, what: str
) -> None:
    if what == "copied":
        upload(directory, store, nullcontext(), NOW, ignore)
    elif what == "loaded":
        Host(tmp_path / "host", url).load(one="1")
    elif what == "of another folder":
        other = DataDirectory(tmp_path / "other" / "data")
        write(other.root, {name: f"{text} of another" for name, text in FILES.items()})
        send(other, store)
    else:
        host = Host(tmp_path / "host", url)
        write(host.directory.root, {"raw/accounts/acme.json": "{}"})
        add_files(host.directory, host.directory.raw / "accounts", "find", NOW)
    objects = {key for prefix in ("", "commits") for key in store.sizes(prefix)}
    with pytest.raises(StorageError, match=r"holds (other data|a data directory) already"):
        send(directory, store)
    assert {key for prefix in ("", "commits") for key in store.sizes(prefix)} == objects


def test_loads_that_went_on_are_not_replaced(
    directory: DataDirectory, store: ObjectStore, url: str, tmp_path: Path
) -> None:
    send(directory, store)
    Host(tmp_path / "host", url).load(two="2")
    with pytest.raises(StorageError, match="loads have gone on since: use it as data_dir"):
        send(directory, store)


def test_a_copy_is_no_data_directory(
    directory: DataDirectory, store: ObjectStore, url: str, tmp_path: Path
) -> None:
    """A load went to the prefix of a copy, and the copy was lost among what it wrote."""
    upload(directory, store, nullcontext(), NOW, ignore)
    with pytest.raises(StorageError, match="has a copy of a data directory, which is none itself"):
        Host(tmp_path / "host", url).load(one="1")


def test_no_copy_goes_to_a_data_directory(directory: DataDirectory, store: ObjectStore) -> None:
    require_no_data_directory(store)
    send(directory, store)
    with pytest.raises(StorageError, match="is a data directory"):
        require_no_data_directory(store)


@pytest.mark.fault("object stores")
def test_a_damaged_object_is_found_before_anything_is_committed(
    directory: DataDirectory, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(store: ObjectStore, linked: LinkedCopy, file: CopiedFile, key: str) -> None:
        store.write(key, b"x" * file.size)

    with monkeypatch.context() as patch:
        patch.setattr(filling, "send_file", damage)
        with pytest.raises(StorageError, match="is damaged: its content does not match its checksum"):
            send(directory, store)
    assert store.sizes("commits") == {}
    store.remove(store.sizes("objects"))  # as the sentence says
    send(directory, store)
    assert there(store, tmp_path / "back") == FILES


@pytest.mark.fault("object stores")
def test_slow_down_and_lost_responses(
    directory: DataDirectory, store: ObjectStore, faulty: FaultyStore, tmp_path: Path
) -> None:
    """Every third request is answered 503, and every fifth loses its response."""
    faulty.fault = faulty.slow_down_and_lose
    send(directory, opened(faulty.endpoint, str(store.url)))
    assert there(store, tmp_path / "back") == FILES


@pytest.mark.fault("object stores")
def test_a_store_that_ignores_conditions_is_refused(
    directory: DataDirectory, store: ObjectStore, faulty: FaultyStore
) -> None:
    faulty.without_headers = frozenset({"if-none-match", "if-match"})
    with pytest.raises(StorageError, match="ignores If-None-Match"):
        send(directory, opened(faulty.endpoint, str(store.url)))
    assert store.sizes("objects") == {}


def test_a_rebuild_that_was_interrupted_comes_first(directory: DataDirectory, store: ObjectStore) -> None:
    write(directory.root, {".rebuild.json": "{}"})
    with pytest.raises(StorageError, match="Run 'cbr-warehouse rebuild' first"):
        send(directory, store)


def test_without_room_it_says_where_and_claims_nothing(
    directory: DataDirectory, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbr_warehouse.remote.pool.free_bytes_of", lambda folder: 10)
    with pytest.raises(FreeSpaceError, match="CBR_WAREHOUSE_CACHE_DIR"):
        send(directory, store)
    assert not has_data_directory(store)
