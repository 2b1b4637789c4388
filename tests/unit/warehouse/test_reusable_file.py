"""Which published files the next warehouse is built on: those that are as a load published them."""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from xxhash import xxh3_128

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse import reusable_file
from cbr_warehouse.warehouse.reusable_file import (
    checksum,
    is_published,
    is_reusable,
    note_next,
    published_checksum,
)
from support.landed_records import CONTRACT

pytestmark = pytest.mark.fault("unreadable warehouse")


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """A published warehouse, and the note of it."""
    directory = DataDirectory(tmp_path)
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute("CREATE SCHEMA meta")
        connection.execute(
            "CREATE TABLE meta.contract AS SELECT $1 AS fingerprint", [CONTRACT.warehouse_fingerprint]
        )
    note_next(directory, None, directory.warehouse, None)
    return directory


def judged(directory: DataDirectory) -> bool:
    return is_reusable(directory, CONTRACT, published_checksum(directory))


def of_another_program(directory: DataDirectory) -> None:
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")


def no_warehouse_of_ours(directory: DataDirectory) -> None:
    directory.warehouse.unlink()
    of_another_program(directory)
    note_next(directory, None, directory.warehouse, None)


def no_database(directory: DataDirectory) -> None:
    directory.warehouse.write_bytes(b"no database at all")
    note_next(directory, None, directory.warehouse, None)


def test_a_file_as_it_was_published_is_built_on(directory: DataDirectory) -> None:
    assert judged(directory)
    assert not is_reusable(
        directory, replace(CONTRACT, warehouse_fingerprint="another"), published_checksum(directory)
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (of_another_program, "{}: its content is not what was published: another program changed it, or"),
        (no_warehouse_of_ours, "{}: is not a warehouse of this program. It is built again from the tables."),
        (no_database, "{} is not a DuckDB file."),
    ],
)
def test_any_other_is_not_and_a_warning_says_why(
    directory: DataDirectory,
    change: Callable[[DataDirectory], None],
    sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change(directory)
    with caplog.at_level(logging.WARNING):
        assert not judged(directory)
    (message,) = caplog.messages
    assert message.startswith(sentence.format(directory.warehouse))
    assert "It is built again from the tables." in message


def test_a_file_that_is_missing_is_no_warning(
    directory: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.warehouse.unlink()
    assert published_checksum(directory) is None
    assert not judged(directory)
    assert not is_published(directory, None)
    assert caplog.messages == []


def test_a_file_from_before_there_were_notes_counts_as_published(directory: DataDirectory) -> None:
    directory.warehouse_note.unlink()
    assert judged(directory)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_crash_around_the_rename_leaves_a_note_that_matches(directory: DataDirectory, is_old: bool) -> None:
    following = directory.root / "next"
    following.write_bytes(directory.warehouse.read_bytes() + b"x")
    current = checksum(directory.warehouse)
    note_next(directory, current, following, None)
    if not is_old:
        following.replace(directory.warehouse)
    expected = xxh3_128(directory.warehouse.read_bytes()).hexdigest()
    assert published_checksum(directory) == expected
    assert is_published(directory, expected)
    assert not is_published(directory, "another")
    note_next(directory, None, directory.warehouse, None)
    assert is_published(directory, expected)
    assert is_published(directory, current) == is_old


def test_a_noted_contract_is_that_of_the_newest_file_which_is_not_opened_for_it(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = directory.root / "next"
    following.write_bytes(directory.warehouse.read_bytes() + b"x")
    note_next(directory, checksum(directory.warehouse), following, "another")
    assert judged(directory)  # a crash before the rename: the file says which contract it has
    following.replace(directory.warehouse)
    monkeypatch.delattr(reusable_file, "open_published")
    assert not judged(directory)
    note_next(directory, None, directory.warehouse, CONTRACT.warehouse_fingerprint)
    assert judged(directory)


def read_whole(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as patch:
        patch.setattr(reusable_file, "checksum", lambda _path: "read")
        return published_checksum(directory) == "read"


def test_the_file_is_read_only_where_it_may_have_changed(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = json.loads(directory.warehouse_note.read_bytes())
    assert not read_whole(directory, monkeypatch)
    found = directory.warehouse.stat()
    for seconds, is_read in ((-1.0, True), (86_399.0, False), (86_401.0, True)):
        with monkeypatch.context() as patch:
            patch.setattr(reusable_file.time, "time", lambda after=seconds: note["checked_at"] + after)
            assert read_whole(directory, monkeypatch) == is_read
    os.utime(directory.warehouse, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert read_whole(directory, monkeypatch)
    copy = directory.root / "copy"
    copy.write_bytes(directory.warehouse.read_bytes())
    copy.replace(directory.warehouse)
    os.utime(directory.warehouse, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert read_whole(directory, monkeypatch)


@pytest.mark.parametrize(
    ("note", "is_known"),
    [(b"{", False), (b'{"checksums": 7}', False), (b"[]", True), (b'["0"]', False), (b"{}", True)],
)
def test_notes_that_are_damaged_or_of_earlier_versions(
    directory: DataDirectory, note: bytes, is_known: bool
) -> None:
    directory.warehouse_note.write_bytes(note)
    assert is_published(directory, published_checksum(directory)) == is_known
    current = checksum(directory.warehouse)
    directory.warehouse_note.write_text(json.dumps(["0", current]), encoding="utf-8")
    assert is_published(directory, current)


def test_a_note_of_earlier_versions_has_sha_256(directory: DataDirectory) -> None:
    content = directory.warehouse.read_bytes()
    note = json.loads(directory.warehouse_note.read_bytes())
    note["checksums"] = [hashlib.sha256(content).hexdigest()]
    directory.warehouse_note.write_text(json.dumps(note), encoding="utf-8")
    assert judged(directory)
    directory.warehouse.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not judged(directory)
