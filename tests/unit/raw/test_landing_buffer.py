"""What waits for a flush: when it is due, and each column of what is written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw import landing_buffer
from cbr_warehouse.raw.files import ReceivedPage, content_hash
from cbr_warehouse.raw.landing import Landing, raw_files
from cbr_warehouse.raw.landing_buffer import FLUSH_AFTER, FLUSH_PAGES, RECEIPT_BYTES
from cbr_warehouse.raw.ledgers import read_landed_files
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from support.landed_records import CONTRACT, SOURCE, printed

NOW = datetime(2026, 11, 20, 12, 0, 0, 7, tzinfo=UTC)
DAY = "2026-11-19"
MOMENT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def landing_of(folder: Path, load_id: str = "L1") -> Landing:
    validator, fingerprint = RecordValidator(CONTRACT), CONTRACT.fingerprint
    return Landing(DataDirectory(folder), SOURCE, load_id, validator=validator, contract=fingerprint)


def record(task_id: str, **values: object) -> bytes:
    return printed({"id": task_id, "created_at": f"{DAY}T01:00:00"} | values)


def page(*records: bytes, at: datetime = NOW, number: int = 4, position: int = 0) -> ReceivedPage:
    return ReceivedPage(records, 3, number, at, position)


def stored(folder: Path, kind: str = "records", day: str = DAY) -> list[dict[str, Any]]:
    paths = raw_files(DataDirectory(folder).raw_day(kind, SOURCE, day))
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


def test_so_many_pages_are_written_and_empty_ones_are_none(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    for number in range(FLUSH_PAGES - 1):
        landing.land(page(record(f"{number}")))
        landing.land(page())
    assert (landing.flushed, stored(tmp_path)) == (0, [])
    landing.land(page(record("last")))
    assert (landing.flushed, len(stored(tmp_path))) == (1, FLUSH_PAGES)
    # The next one begins with none.
    landing.land(page(record("more")))
    assert landing.flushed == 1
    assert landing.mark == 2


def test_what_waited_for_a_minute_is_written(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    landing.land(page(record("a")))
    landing.land(page(record("b"), at=NOW + FLUSH_AFTER - MOMENT))
    assert landing.flushed == 0
    landing.land(page(record("c"), at=NOW + FLUSH_AFTER))
    assert landing.flushed == 1


@pytest.mark.parametrize("short", [0, 1])
def test_bytes_of_texts_and_of_receipts_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    old, new = [record("a"), record("b")], [record("c"), record("d", vault_name="v" * 99)]
    first = landing_of(tmp_path)
    first.land(page(*old))
    first.flush()
    bytes_landed = sum(map(len, new)) + RECEIPT_BYTES * len(old)
    monkeypatch.setattr(landing_buffer, "FLUSH_BYTES", bytes_landed + short)
    landing = landing_of(tmp_path, "L2")
    landing.land(page(*old, *new))
    assert landing.flushed == (0 if short else 1)


def test_a_record_is_stored_with_where_it_came_from(tmp_path: Path) -> None:
    landing = landing_of(tmp_path)
    texts = [record("a"), record("b", status=5), record("c", nobody_knows=1)]
    landing.land(page(*texts, at=NOW + MOMENT, position=10))
    landing.land(page(record("d"), at=NOW + 2 * MOMENT, number=5))
    landing.flush()
    rows = stored(tmp_path)
    assert [
        (row["task_id"], row["sweep"], row["page"], row["position"], row["fetched_at"]) for row in rows
    ] == [
        ("a", 3, 4, 10, NOW + MOMENT),
        ("b", 3, 4, 11, NOW + MOMENT),
        ("c", 3, 4, 12, NOW + MOMENT),
        ("d", 3, 5, 0, NOW + 2 * MOMENT),
    ]
    assert [row["record_text"].encode() for row in rows] == [*texts, record("d")]
    assert [row["content_hash"] for row in rows] == [content_hash(text) for text in (*texts, record("d"))]
    assert {(row["load_id"], row["contract"], row["record_bytes"]) for row in rows} == {
        ("L1", read_contract().fingerprint, None)
    }
    # Those that are not plain have what validation made of them.
    assert [row["normal"] is not None for row in rows] == [False, True, True, False]
    assert [row["extra"] for row in rows] == [None, None, '{"nobody_knows":1}', None]
    assert [row["reason"] for row in rows] == [None] * 4
    (name,) = (path.name for path in raw_files(DataDirectory(tmp_path).raw_day("records", SOURCE, DAY)))
    assert name.startswith("L1-00001-")
    assert read_landed_files(DataDirectory(tmp_path), SOURCE) == {DAY: {name: 4}}


def test_a_text_that_is_no_utf8_or_has_a_null_is_stored_exactly_beside_it(tmp_path: Path) -> None:
    texts = [b'{"id":"\xff"}', b'{"id":"\x00"}', "ü".encode(), b"\x00\xfe"]
    landing = landing_of(tmp_path)
    landing.land(page(record("a"), *texts))
    landing.flush()
    rows = stored(tmp_path, day=UNKNOWN_DAY)
    assert [row["record_text"] for row in rows] == ['{"id":"\\xff"}', '{"id":"\\u0000"}', "ü", "\\u0000\\xfe"]
    assert [row["record_bytes"] for row in rows] == [texts[0], texts[1], None, texts[3]]
    assert all(row["reason"] for row in rows)
    assert [row["position"] for row in rows] == [1, 2, 3, 4]


def test_a_sighting_is_stored_with_where_it_came_from(tmp_path: Path) -> None:
    first = landing_of(tmp_path)
    first.land(page(record("a"), record("b"), b"odd"))
    first.flush()
    later = landing_of(tmp_path, "L2")
    later.land(page(record("new"), record("b"), b"odd", at=NOW + MOMENT, number=9, position=20))
    later.land(page(record("a"), record("b"), at=NOW + 2 * MOMENT, number=10))
    later.flush()
    assert stored(tmp_path, "manifests") == [
        {
            "content_hash": content_hash(record(task_id)),
            "task_id": task_id,
            "load_id": "L2",
            "sweep": 3,
            "page": number,
            "position": position,
            "fetched_at": at,
        }
        for task_id, number, position, at in (("b", 9, 21, NOW + MOMENT), ("a", 10, 0, NOW + 2 * MOMENT))
    ]
    (odd,) = stored(tmp_path, "manifests", UNKNOWN_DAY)
    assert (odd["task_id"], odd["position"]) == (None, 22)
    # Its own files are numbered by its own flushes; one without new records notes none.
    names = [path.name for path in raw_files(DataDirectory(tmp_path).raw_day("manifests", SOURCE, DAY))]
    assert [name.startswith("L2-00001-") for name in names] == [True]
    third = landing_of(tmp_path, "L3")
    third.land(page(record("a")))
    third.flush()
    noted = DataDirectory(tmp_path).raw_ledger("landed", SOURCE)
    assert sorted(path.stem for path in noted.glob("*.json")) == ["L1-00001", "L2-00001"]


def test_a_text_that_was_refused_is_stored_again_once_it_is_valid(tmp_path: Path) -> None:
    """A contract that a user widened dates what was in quarantine, under the day of the record."""
    far = record("a", created_at="2026-11-25T01:00:00")
    early = landing_of(tmp_path)
    early.land(page(far))
    early.flush()
    (refused,) = stored(tmp_path, day=UNKNOWN_DAY)
    assert "2026-11-25" in refused["record_text"]
    again = landing_of(tmp_path, "L2")
    assert again.land(page(far)).distinct == {}
    later = landing_of(tmp_path, "L3")
    assert later.land(page(far, at=NOW + timedelta(days=5))).distinct == {"2026-11-25": 1}
    later.flush()
    (valid,) = stored(tmp_path, day="2026-11-25")
    assert (valid["load_id"], valid["reason"]) == ("L3", None)
    last = landing_of(tmp_path, "L4")
    assert last.land(page(far, at=NOW + timedelta(days=5))).distinct == {}
