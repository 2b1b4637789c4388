"""Landing in memory: what is written when, what a repeat costs, and what a failed write leaves."""

import json
import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import StorageError
from cbr_warehouse.raw import landing as module
from cbr_warehouse.raw import landing_buffer
from cbr_warehouse.raw.files import MANIFESTS, ReceivedPage, content_hash, encode_raw, raw_name
from cbr_warehouse.raw.landing import Landing, raw_files
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONTRACT = read_contract()


def landing_of(folder: Path, load_id: str = "L1") -> Landing:
    return Landing(
        DataDirectory(folder),
        "prod",
        load_id,
        validator=RecordValidator(CONTRACT),
        contract=CONTRACT.fingerprint,
    )


def record(task_id: str, day: int = 19, **values: object) -> bytes:
    return json.dumps({"id": task_id, "created_at": f"2026-11-{day:02}T01:00:00"} | values).encode()


def page(*records: bytes, sweep: int = 1, number: int = 0, at: datetime = NOW) -> ReceivedPage:
    return ReceivedPage(records, sweep, number, at)


def rows(folder: Path, kind: str, day: str = "2026-11-19") -> list[dict[str, Any]]:
    files = raw_files(DataDirectory(folder).raw_day(kind, "prod", day))
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def written(folder: Path) -> int:
    return len(list(folder.rglob("*.parquet")))


def test_pages_of_several_sweeps_share_one_file_a_day(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    for number in range(7):
        landing.land(page(record(f"a{number}"), record(f"b{number}", day=18), sweep=number))
    assert written(tmp_path) == 0
    mark = landing.mark
    assert landing.flushed < mark
    landing.flush()
    assert landing.flushed == mark
    assert len(raw_files(DataDirectory(tmp_path).raw_day("records", "prod", "2026-11-19"))) == 1
    stored = rows(tmp_path, "records")
    assert [(row["task_id"], row["sweep"], row["position"]) for row in stored] == [
        (f"a{number}", number, 0) for number in range(7)
    ]
    assert {row["fetched_at"] for row in stored} == {NOW}
    assert all(row["content_hash"] == content_hash(row["record_text"].encode()) for row in stored)


def test_a_group_of_files_needs_one_sync_a_file_and_one_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first load of 100,000 tasks synced a folder for each of its files, and those above for each day."""
    synced: list[Path] = []
    sync = atomic_write._sync
    monkeypatch.setattr(atomic_write, "_sync", lambda path: (synced.append(path), sync(path)))
    landing = landing_of(tmp_path)
    landing.land(page(*(record(f"{day}", day=day) for day in range(1, 11))))
    landing.flush()
    own = [path for path in synced if "records" in path.parts]
    folders = [path for path in own if path.is_dir()]
    assert len(folders) == len(set(folders))
    assert len(own) - len(folders) == written(tmp_path)


def test_a_text_received_twice_in_a_load_is_validated_and_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = landing_of(tmp_path)
    assert landing.land(page(record("a"))).doubled == {}
    validated: list[bytes] = []
    check = landing.validator.check_page

    def counted(records: Sequence[bytes], fetched_at: datetime) -> Any:
        validated.extend(records)
        return check(records, fetched_at)

    monkeypatch.setattr(landing.validator, "check_page", counted)
    assert landing.land(page(record("a"), record("b"))).distinct == {"2026-11-19": 1}
    assert validated == [record("b")]
    landing.flush()
    assert [row["task_id"] for row in rows(tmp_path, "records")] == ["a", "b"]
    assert rows(tmp_path, "manifests") == []


def test_the_footer_of_a_file_has_none_of_its_texts(tmp_path: Path) -> None:
    """The least and the greatest text were in the statistics of each row group."""
    landing = landing_of(tmp_path)
    landing.land(page(record("a", vault_name="x" * 100_000)))
    landing.flush()
    (path,) = raw_files(DataDirectory(tmp_path).raw_day("records", "prod", "2026-11-19"))
    metadata = pq.read_metadata(path)
    assert metadata.serialized_size < 10_000
    assert {metadata.row_group(0).column(n).compression for n in range(metadata.num_columns)} == {"ZSTD"}
    assert path.stat().st_size < 10_000


def test_much_text_is_written_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_buffer, "FLUSH_BYTES", 50_000)
    landing = landing_of(tmp_path)
    for number in range(10):
        landing.land(page(record(f"a{number}", vault_name="x" * 20_000), number=number))
    assert len(rows(tmp_path, "records")) >= 6
    landing.flush()
    assert len(rows(tmp_path, "records")) == 10


def test_what_a_slow_source_gave_a_minute_ago_is_written(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    landing.land(page(record("a")))
    landing.land(page(record("b"), at=NOW + timedelta(seconds=30)))
    assert written(tmp_path) == 0
    landing.land(page(record("c"), at=NOW + timedelta(seconds=60)))
    assert len(rows(tmp_path, "records")) == 3


def test_after_a_failed_write_nothing_counts_as_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in memory is known as stored, and would never be stored."""
    landing = landing_of(tmp_path)
    landing.land(page(record("a")))
    with monkeypatch.context() as full:
        full.setattr(os, "write", _refuse)
        with pytest.raises(StorageError, match="No space left"):
            landing.flush()
    landing.land(page(record("a"), record("b")))
    with pytest.raises(StorageError, match="No space left"):
        landing.flush()
    assert (landing.flushed, written(tmp_path)) == (0, 0)


def _refuse(_handle: int, _content: Sequence[int]) -> int:
    raise OSError(28, "No space left on device")


def test_what_is_forgotten_is_written_before_and_stored_once(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    refused = record("c", status=7)
    landing.land(page(record("a"), refused))
    landing.forget()
    assert [row["task_id"] for row in rows(tmp_path, "records")] == ["a", "c"]
    landed = landing.land(page(record("a"), record("b"), refused, sweep=2))
    landing.land(page(record("a"), refused, sweep=3))
    landing.flush()
    assert landed.distinct == {"2026-11-19": 1}
    assert [row["task_id"] for row in rows(tmp_path, "records")] == ["a", "c", "b"]
    assert [(row["task_id"], row["sweep"]) for row in rows(tmp_path, "manifests")] == [("a", 2), ("c", 2)]


def test_memory_is_given_back_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[int] = []
    landing = landing_of(tmp_path)
    monkeypatch.setattr(module, "release_memory", lambda: given_back.append(landing.flushed))
    for number in range(2 * module.RELEASED_EVERY + 1):
        landing.land(page(record(f"a{number}")))
        landing.flush()
    assert given_back == [module.RELEASED_EVERY, 2 * module.RELEASED_EVERY]


def test_a_repeat_is_not_validated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [record(f"a{number}", day=1 + number % 20) for number in range(50)]
    landing = landing_of(tmp_path)
    landing.land(page(*texts))
    landing.flush()
    later = landing_of(tmp_path, "L2")
    later.watch(["a7", "zz"])
    validated: list[bytes] = []
    check = later.validator.check_page

    def counted(records: Sequence[bytes], fetched_at: datetime) -> Any:
        validated.extend(records)
        return check(records, fetched_at)

    monkeypatch.setattr(later.validator, "check_page", counted)
    fresh = record("new")
    landed = later.land(page(*texts, fresh, texts[0]))
    assert validated == [fresh]
    assert (landed.received, landed.distinct, landed.doubled) == (52, {"2026-11-19": 1}, {"a0": 2})
    assert later.unseen(["a7", "zz"]) == ["zz"]
    later.flush()
    assert [row["task_id"] for row in rows(tmp_path, "records") if row["load_id"] == "L2"] == ["new"]
    repeats = rows(tmp_path, "manifests", "2026-11-01")
    assert [row["task_id"] for row in repeats if row["load_id"] == "L2"] == ["a0", "a20", "a40"]


@pytest.mark.parametrize("text", [record("a", status=5), b'{"id":7,"created_at":"2026-11-19T01:00:00"}'])
def test_a_repeat_of_a_valid_text_that_is_not_plain_has_its_task(tmp_path: Path, text: bytes) -> None:
    first = landing_of(tmp_path)
    first.land(page(text))
    first.flush()
    (stored,) = rows(tmp_path, "records")
    second = landing_of(tmp_path, "L2")
    second.watch([stored["task_id"]])
    assert second.land(page(text)).distinct == {}
    assert second.unseen([stored["task_id"]]) == []


def test_a_day_shown_elsewhere_in_a_text_does_not_hide_that_it_is_stored(tmp_path: Path) -> None:
    """The day of a repeat is looked for in its text; a zone or a nested key leads to another one."""
    texts = [
        b'{"id":"a","created_at":"2026-11-20T01:00:00+02:00"}',
        b'{"extra_info":{"x":{"created_at":"2026-01-01"}},"id":"b","created_at":"2026-11-19T01:00:00"}',
        b'{"id":"c","created_at":"../../etc"}',
    ]
    for load_id, new in (("L1", {"2026-11-19": 2, "unknown": 1}), ("L2", {})):
        landing = landing_of(tmp_path, load_id)
        assert landing.land(page(*texts)).distinct == new
        landing.flush()
    assert len(rows(tmp_path, "records")) == 2
    seen = [row["task_id"] for row in rows(tmp_path, "manifests") if row["load_id"] == "L2"]
    assert sorted(seen) == ["a", "b"]


@pytest.mark.parametrize("is_earlier_release", [False, True])
def test_a_record_file_that_is_gone_is_missed(tmp_path: Path, is_earlier_release: bool) -> None:
    """Manifests of earlier releases name new records too; now the load's note of its files does."""
    directory = DataDirectory(tmp_path)
    landing = landing_of(tmp_path)
    landing.land(page(record("a"), record("b"), record("c", day=18)))
    landing.flush()
    assert count_missing(directory, "prod") == {}
    (path,) = raw_files(directory.raw_day("records", "prod", "2026-11-19"))
    if is_earlier_release:
        shutil.rmtree(directory.raw_ledger("landed", "prod"))
        named = pq.ParquetFile(path).read(columns=MANIFESTS.names).select(MANIFESTS.names)
        content = encode_raw(named)
        name = raw_name("L1-00001", content)
        write_bytes(directory.raw_day("manifests", "prod", "2026-11-19") / name, content)
    assert count_missing(directory, "prod") == {}
    path.unlink()
    assert count_missing(directory, "prod") == {"2026-11-19": 2}
