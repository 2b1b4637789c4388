"""Whatever the disk says: a sentence that names the file the user knows, and the older file as it was."""

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.atomic_write import (
    TEMPORARY_PREFIX,
    move_file,
    publish,
    read_file,
    remove_file,
    remove_folder,
    write_bytes,
    write_whole,
)
from cbr_warehouse.storage.sql_text import literal

pytestmark = pytest.mark.fault("disk errors")

CODES = (errno.EIO, errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS, errno.EACCES)


def refuse(code: int) -> Callable[..., int]:
    def refusing(*_words: object, **_more: object) -> int:
        raise OSError(code, os.strerror(code))

    return refusing


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A limit that the system enforces: what writes beyond it gets EFBIG, as Python ignores the signal."""
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def assert_only(path: Path, content: bytes) -> None:
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_a_write_that_fails_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(b"older")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse(code))
        with pytest.raises(StorageError) as raised:
            write_bytes(path, b"newer")
    assert str(raised.value).startswith(f"{path}: cannot be written ({os.strerror(code)}). Check ")
    assert TEMPORARY_PREFIX not in str(raised.value)
    assert_only(path, b"older")


@pytest.mark.parametrize("code", CODES)
def test_a_publication_that_fails_leaves_the_published_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"older")
    next_file = tmp_path / f"{TEMPORARY_PREFIX}1-warehouse.duckdb"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse(code))
        with pytest.raises(StorageError, match=os.strerror(code)), publish(next_file, path):
            next_file.write_bytes(b"newer")
    assert_only(path, b"older")


def test_what_fails_is_reported_though_its_remains_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse(errno.EIO))
        patched.setattr(os, "unlink", refuse(errno.EROFS))
        with pytest.raises(StorageError, match=os.strerror(errno.EIO)):
            write_bytes(tmp_path / "known.json", b"newer")


def test_the_engine_s_refusals_name_the_file_that_the_user_knows(tmp_path: Path) -> None:
    """DuckDB named its temporary file, and `File too large` was an unexpected error."""
    path = tmp_path / "data.parquet"
    path.write_bytes(b"older")

    def copy(temporary: Path) -> None:
        with duckdb.connect() as engine:
            query = "SELECT range AS a, md5(range::VARCHAR) AS b FROM range(200_000)"
            engine.execute(f"COPY ({query}) TO {literal(temporary)} (FORMAT parquet)")

    with files_no_larger_than(100_000), pytest.raises(StorageError) as raised:
        write_whole(path, copy)
    assert str(raised.value).startswith(f"{path}: cannot be written (")
    assert os.strerror(errno.EFBIG) in str(raised.value)
    assert TEMPORARY_PREFIX not in str(raised.value)
    assert_only(path, b"older")


def test_the_engine_s_own_mistakes_are_no_disk_errors(tmp_path: Path) -> None:
    with pytest.raises(duckdb.BinderException), publish(tmp_path / "next", tmp_path / "published"):
        duckdb.connect().execute("SELECT nothing")


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_read_that_fails_says_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(b"content")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse(code))
        with pytest.raises(StorageError, match=r"cannot be read .*restore the file from a backup"):
            read_file(path)


@pytest.mark.parametrize(
    ("change", "call", "done"),
    [
        (lambda path: move_file(path, path.with_name("there")), "rename", "moved"),
        (lambda path: move_file(path, path.with_name("there")), "replace", "moved"),
        (remove_file, "unlink", "removed"),
        (lambda path: remove_folder(path.parent), "unlink", "removed"),
    ],
)
def test_a_file_that_cannot_be_moved_or_removed_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], call: str, done: str
) -> None:
    path = tmp_path / "folder" / "known.json"
    path.parent.mkdir()
    path.write_bytes(b"content")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse(errno.EROFS))
        if call == "rename":
            patched.setattr(os, "replace", refuse(errno.EROFS))
        with pytest.raises(StorageError, match=f"cannot be {done} .*read-only"):
            change(path)
    assert path.read_bytes() == b"content"
