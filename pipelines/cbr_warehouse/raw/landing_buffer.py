"""Records and sightings that wait to be written, in columns, and the Parquet tables made of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cbr_warehouse.contract.validate import Validation
from cbr_warehouse.raw.files import MANIFESTS, RECORDS, ReceivedPage, encode_raw, raw_name
from cbr_warehouse.raw.ledger_entries import LandedFile, LandedFiles
from cbr_warehouse.storage.layout import DataDirectory

FLUSH_BYTES = 24 * 2**20
"""Bytes in memory before they are written."""

FLUSH_AFTER = timedelta(minutes=1)
"""Time between the first and the last receipt in memory before they are written: a load that is killed
has to ask again for what it had in memory."""

FLUSH_PAGES = 8
"""Pages in memory before they are written: a load that is killed has few requests to repeat, however small
the source's pages are. Eight full ones have about a third of the bytes above."""

RECEIPT_BYTES = 200
"""Bytes that a receipt takes in memory."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Receipts:
    """Records of one page that are filed under one day, in columns.

    Attributes:
        page: The page.
        places: Index of each record in the page.
        digests: The digest of each record's text.
        task_ids: The task id of each.
    """

    page: ReceivedPage
    places: list[int]
    digests: list[bytes]
    task_ids: list[str | None]


@dataclass
class SightingRows:
    """Receipts of texts of one day: which text each is of, and by which request it came."""

    digests: list[bytes] = field(default_factory=list)
    task_ids: list[str | None] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    requests: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, receipts: Receipts) -> None:
        """Adds receipts of one page."""
        page = receipts.page
        self.digests += receipts.digests
        self.task_ids += receipts.task_ids
        self.positions += [page.position + place for place in receipts.places]
        # Not the page itself, which would keep all its texts in memory.
        self.requests.append((page.sweep, page.page, _microseconds(page.fetched_at), len(receipts.places)))

    def table(self, load_id: str) -> pa.Table:
        """The rows as a table of ``MANIFESTS``."""
        columns = self.columns(load_id)
        return pa.table([columns[name] for name in MANIFESTS.names], schema=MANIFESTS)

    def columns(self, load_id: str) -> dict[str, "pa.Array[Any]"]:
        """The columns of both kinds of rows."""
        *requests, counts = zip(*self.requests, strict=True)
        sweeps, numbers, times = (np.repeat(np.array(values, np.int64), counts) for values in requests)
        return {
            "content_hash": pa.array([digest.hex() for digest in self.digests], pa.string()),
            "task_id": pa.array(self.task_ids, pa.string()),
            "load_id": pa.repeat(load_id, len(self.digests)),
            "sweep": pa.array(sweeps, pa.int32()),
            "page": pa.array(numbers, pa.int32()),
            "position": pa.array(self.positions, pa.int32()),
            "fetched_at": pa.array(times, pa.int64()).cast(RECORDS.field("fetched_at").type),
        }


@dataclass
class RecordRows:
    """New records of one day: their receipts, texts and results."""

    receipts: SightingRows = field(default_factory=SightingRows)
    texts: list[bytes] = field(default_factory=list)
    exact: dict[int, tuple[bytes | None, Validation]] = field(default_factory=dict)

    def add(self, receipts: Receipts, exact: Mapping[int, Validation]) -> int:
        """Adds records of one page.

        Args:
            receipts: The records.
            exact: The results of those that are not plain, by index in the page.

        Returns:
            Bytes of text added.
        """
        records = receipts.page.records
        texts = [records[place] for place in receipts.places]
        for index, place in enumerate(receipts.places) if exact else ():
            if place in exact:
                texts[index], own_bytes = exact_text(records[place])
                self.exact[len(self.texts) + index] = own_bytes, exact[place]
        self.texts += texts
        self.receipts.add(receipts)
        return sum(map(len, texts))

    def table(self, load_id: str, contract: str) -> pa.Table:
        """The rows as a table of ``RECORDS``."""
        count = len(self.texts)
        results = {index: result for index, (_, result) in self.exact.items()}
        columns = self.receipts.columns(load_id) | {
            "record_text": pa.array(self.texts, pa.binary()).cast(pa.string()),
            "record_bytes": _sparse(count, pa.binary(), {i: own for i, (own, _) in self.exact.items()}),
            "reason": _sparse(count, pa.string(), {i: own.reason for i, own in results.items()}),
            "normal": _sparse(count, pa.string(), {i: own.normal for i, own in results.items()}),
            "extra": _sparse(count, pa.string(), {i: own.extra for i, own in results.items()}),
            "contract": pa.repeat(contract, count),
        }
        return pa.table([columns[name] for name in RECORDS.names], schema=RECORDS)


@dataclass
class LandingBuffer:
    """What waits for one flush.

    Attributes:
        number: Number of the flush within the load, from 1.
        new: New records by day.
        seen: Receipts of texts that were stored before this load, by day; a new record is its own receipt.
        size: Bytes of text, and of receipts about as many as they take in memory.
        since: When the first of it was received.
        pages: Pages that it is of.
    """

    number: int
    new: defaultdict[str, RecordRows] = field(default_factory=lambda: defaultdict(RecordRows))
    seen: defaultdict[str, SightingRows] = field(default_factory=lambda: defaultdict(SightingRows))
    size: int = 0
    since: datetime | None = None
    pages: int = 0

    def add_page(self, page: ReceivedPage) -> None:
        """Counts a page whose records were added."""
        self.since = self.since or page.fetched_at
        self.pages += bool(page.records)

    def add_records(self, day: str, receipts: Receipts, exact: Mapping[int, Validation]) -> None:
        """Adds new records of one page; ``exact`` has the results of those that are not plain."""
        self.size += self.new[day].add(receipts, exact)

    def add_sightings(self, day: str, receipts: Receipts) -> None:
        """Adds receipts of one page."""
        self.seen[day].add(receipts)
        self.size += RECEIPT_BYTES * len(receipts.places)

    def is_due(self, now: datetime) -> bool:
        """Whether it is large or old enough to be written."""
        is_old = self.since is not None and now - self.since >= FLUSH_AFTER
        return is_old or self.size >= FLUSH_BYTES or self.pages >= FLUSH_PAGES

    def files(self, directory: DataDirectory, source: str, load_id: str, contract: str) -> dict[Path, bytes]:
        """The files to write, records first, with their content."""
        stem = f"{load_id}-{self.number:05d}"
        tables = [("records", day, rows.table(load_id, contract)) for day, rows in sorted(self.new.items())]
        tables += [("manifests", day, rows.table(load_id)) for day, rows in sorted(self.seen.items())]
        contents = {}
        for kind, day, table in tables:
            content = encode_raw(table)
            contents[directory.raw_day(kind, source, day) / raw_name(stem, content)] = content
        return contents

    def landed_files(self, paths: Iterable[Path], load_id: str) -> LandedFiles:
        """What to note of the record files among those that ``files`` gave."""
        names = dict(zip(sorted(self.new), (path.name for path in paths), strict=False))
        files = (LandedFile(day, name, len(self.new[day].texts)) for day, name in names.items())
        return LandedFiles(load_id, self.number, tuple(files))


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _sparse(count: int, kind: "pa.DataType", values: dict[int, Any]) -> "pa.Array[Any]":
    """A column that has values in few places."""
    column: list[Any] = [None] * count
    for index, value in values.items():
        column[index] = value
    return pa.array(column, kind)


def exact_text(record: bytes) -> tuple[bytes, bytes | None]:
    """The record as UTF-8 text, and as it is where the text cannot say it exactly."""
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return _printable(record.decode(errors="backslashreplace").encode()), record
    return _printable(record), record if "\x00" in text else None


def _printable(text: bytes) -> bytes:
    return text.replace(b"\x00", b"\\u0000")
