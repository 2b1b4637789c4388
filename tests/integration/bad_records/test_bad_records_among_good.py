"""Bad records in good pages: good ones are stored, bad ones quarantined, and all are counted."""

import base64
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.faults.bad_records import KINDS as EMULATED
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.record_store import Row
from support.emulator_server import NOW, Warehouse, cells, emulated, lost
from support.malformed_records import HELD, KINDS, QUARANTINED

GOOD = 120
BAD = 5


class RawRecords:
    """Serves the given bytes as records."""

    def __init__(self, texts: Sequence[tuple[bytes, datetime]]) -> None:
        self._rows = [
            Row({"id": str(place)}, dict.fromkeys(("created_at", "started_at", "updated_at"), at), text)
            for place, (text, at) in enumerate(texts)
        ]

    def rows(self, now: datetime, retention: timedelta | None) -> Sequence[Row]:
        return self._rows

    def text(self, row: Row, now: datetime, dialect: Dialect) -> bytes:
        return bytes(row.source)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_a_bad_record_nor_its_good_neighbours_are_lost(
    tmp_path: Path, kind: str, proved: Callable[..., None]
) -> None:
    good = [sound_task(number) for number in range(GOOD + BAD)]
    bad = good[10::25]
    assert len(bad) == BAD
    texts = []
    for record in good:
        spoiled = KINDS[kind](deepcopy(record)) if record in bad else None
        texts.append((spoiled or plain(record), datetime.fromisoformat(record["created_at"] + "+00:00")))
    with emulated(tasks=1, days=1, dialect=["max_limit=50"]) as source:
        source.emulator.served = RawRecords(texts)
        warehouse = Warehouse(tmp_path, source, history="8d")
        report = warehouse.load()
    assert report.sources[0].entry.records
    held = warehouse.tasks()
    gone = [record["id"] for record in good if record not in bad and held.get(record["id"]) != cells(record)]
    spoiled = {text for text, _ in texts} - {plain(record) for record in good}
    quarantined = {text for text in spoiled if is_quarantined(warehouse, text)}
    kept = {record["id"] for record in bad if record["id"] in held}
    if kind in QUARANTINED:
        assert not kept
        assert quarantined == spoiled
    elif kind in HELD:
        assert not quarantined
        assert len(kept) == BAD
    missing = 0 if len(quarantined) == len(spoiled) or len(kept) == BAD else BAD
    proved("bad record", kind, times=len(bad), checked=len(good), unit="records", lost=len(gone) + missing)


@pytest.mark.parametrize("kind", EMULATED)
def test_the_bad_records_of_the_emulator_are_quarantined_or_held(
    tmp_path: Path, kind: str, proved: Callable[..., None]
) -> None:
    options = (f"bad_records={kind}", "bad_records=0.04")
    with emulated(tasks=300, days=4, dialect=["max_limit=50"], fault=options) as source:
        warehouse = Warehouse(tmp_path, source, history="6d")
        warehouse.load()
        told = httpx.get(f"{source.url}/__emulator/truth", timeout=60).json()
        missing = lost(warehouse, source.truth())
    held = warehouse.tasks()
    for one in told["spoiled"]:
        text = one["text"].encode() if one["base64"] is None else base64.b64decode(one["base64"])
        is_held, is_kept = one["task_id"] in held, is_quarantined(warehouse, text)
        assert is_held != is_kept, one
        if one["expect"] != "either":
            assert is_kept == (one["expect"] == "quarantine"), one
    times = len(told["spoiled"])
    what = f"bad_records={kind}"
    proved("bad record", what, times=times, checked=told["served"], unit="records", lost=len(missing))


def is_quarantined(warehouse: Warehouse, text: bytes) -> bool:
    """Whether exactly these bytes are quarantined."""
    rows = warehouse.ask("SELECT record_text, record_bytes FROM quarantine")
    return any(text in {printed.encode(errors="surrogatepass"), exact} for printed, exact in rows)


def plain(record: dict[str, Any]) -> bytes:
    """A record in the format of a source."""
    return json.dumps(record, separators=(",", ":")).encode()


def sound_task(number: int) -> dict[str, Any]:
    """A successful task, some hours after the previous one."""
    begin = NOW - timedelta(days=6) + timedelta(hours=number)
    times = {"created_at": 0, "started_at": 1, "ended_at": 60, "updated_at": 61}
    return {
        "id": f"task-{number:04d}",
        "operation_type": "backup",
        "status": "success",
        "project_id": PROJECT,
        "vault_name": "vault",
        **{
            name: (begin + timedelta(seconds=seconds)).astimezone(UTC).replace(tzinfo=None).isoformat()
            for name, seconds in times.items()
        },
        "error_info": {"code": "", "message": ""},
        "extra_info": {"common": {"progress": 100}},
    }
