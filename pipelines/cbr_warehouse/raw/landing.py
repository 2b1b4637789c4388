"""Landing: stores what a sweep received, each distinct record text once.

Every record is validated, and the result is stored beside its text. Invalid records are stored too;
``tables`` puts them into quarantine.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

from cbr_warehouse.contract.validate import RecordValidator, Validation
from cbr_warehouse.raw.files import (
    MANIFESTS,
    RECORDS,
    Received,
    content_hash,
    is_intact,
    read_columns,
    write_raw,
)
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory


@dataclass(frozen=True)
class Landed:
    """The result of landing one batch.

    Attributes:
        received: Records received.
        distinct: Records whose exact text was not stored before, by the partition they were written to.
        doubled: Tasks that occurred in several rows of one page, with the number of rows.
    """

    received: int
    distinct: Mapping[str, int]
    doubled: Mapping[str, int]


class Landing:
    """Files the records of one load of one source. Safe to share between threads.

    Args:
        directory: The data directory.
        source: Name of the source.
        load_id: Id of the load.
        validator: Validates each record.
        contract: Fingerprint of the contract that the validator was made of.
    """

    def __init__(
        self,
        directory: DataDirectory,
        source: str,
        load_id: str,
        *,
        validator: RecordValidator,
        contract: str,
    ) -> None:
        self._directory = directory
        self._source = source
        self._load_id = load_id
        self.validator = validator
        self._contract = contract
        self._known: dict[str, dict[str, bool]] = {}
        self._batch = 0
        self._unseen: set[str] = set()
        self._lock = Lock()

    def watch(self, task_ids: Iterable[str]) -> None:
        """From now on notes whether the load receives these tasks."""
        with self._lock:
            self._unseen.update(task_ids)

    def unseen(self, task_ids: Iterable[str]) -> list[str]:
        """Those of some watched tasks that the load has not received since, in order."""
        with self._lock:
            return sorted(self._unseen.intersection(task_ids))

    def land(self, received: Iterable[Received]) -> Landed:
        """Files one batch: the records first, then the manifests that mention them.

        Args:
            received: Records of one sweep, in the order received.

        Returns:
            How many records were received, new, and repeated within a page.

        Raises:
            StorageError: A file could not be written. Files are whole or absent; what landed
                before stays, and the next load asks for the rest.
        """
        with self._lock:
            self._batch += 1
            new: dict[str, list[dict[str, Any]]] = defaultdict(list)
            seen: dict[str, list[dict[str, Any]]] = defaultdict(list)
            rows: Counter[tuple[int, int, str]] = Counter()
            for item in received:
                validation = self.validator.check(item.record, item.fetched_at)
                day = self._place_of(item.record, validation)
                self._unseen.discard(validation.task_id or "")
                sighting = self._sighting(item, validation.task_id)
                seen[day].append(sighting)
                if validation.task_id:
                    rows[item.sweep, item.page, validation.task_id] += 1
                known, text = self._known_on(day), sighting["content_hash"]
                is_sound = validation.reason is None
                if text in known and (known[text] or not is_sound):
                    continue  # stored already; an invalid text is stored again once it is valid
                known[text] = is_sound
                new[day].append(
                    sighting
                    | _texts(item.record)
                    | {
                        "reason": validation.reason,
                        "normal": validation.normal,
                        "extra": validation.extra,
                        "contract": self._contract,
                    }
                )
            self._write(new, seen)
        doubled = {task_id: count for (*_, task_id), count in rows.items() if count > 1}
        return Landed(sum(map(len, seen.values())), {day: len(texts) for day, texts in new.items()}, doubled)

    def _sighting(self, item: Received, task_id: str | None) -> dict[str, Any]:
        return {
            "content_hash": content_hash(item.record),
            "task_id": task_id,
            "load_id": self._load_id,
            "sweep": item.sweep,
            "page": item.page,
            "position": item.position,
            "fetched_at": item.fetched_at,
        }

    def _write(self, new: dict[str, list[dict[str, Any]]], seen: dict[str, list[dict[str, Any]]]) -> None:
        stem = f"{self._load_id}-{self._batch:05d}"
        for day, rows in sorted(new.items()):
            write_raw(self._directory.raw_day("records", self._source, day), stem, RECORDS, rows)
        for day, rows in sorted(seen.items()):
            write_raw(self._directory.raw_day("manifests", self._source, day), stem, MANIFESTS, rows)

    def _place_of(self, record: bytes, validation: Validation) -> str:
        """The day a record is filed under; one that is refused again stays where it was refused first."""
        if validation.day is None or (
            validation.reason is not None and content_hash(record) in self._known_on(UNKNOWN_DAY)
        ):
            return UNKNOWN_DAY
        return validation.day.isoformat()

    def _known_on(self, day: str) -> dict[str, bool]:
        """The texts held of a day, and whether each was found sound."""
        if day not in self._known:
            folder = self._directory.raw_day("records", self._source, day)
            known: dict[str, bool] = {}
            for path in raw_files(folder):
                for text, is_sound in _judged(path):
                    known[text] = known.get(text, False) or is_sound
            self._known[day] = known
        return self._known[day]


def raw_files(folder: Path) -> list[Path]:
    """The raw files of a folder, in the order they were written."""
    return sorted(folder.glob("[!.]*.parquet"))


def _judged(path: Path) -> Iterator[tuple[str, bool]]:
    try:
        texts, reasons = read_columns(path, ["content_hash", "reason"]).columns
    except (pa.ArrowException, OSError):
        if is_intact(path):
            raise
        # Damaged, and left in place because the source no longer serves its day: ``damage`` reports it.
        return
    yield from zip(map(str, texts.to_pylist()), reasons.is_null().to_pylist(), strict=True)


def _texts(record: bytes) -> dict[str, str | bytes | None]:
    """The record as text, and as bytes where the text cannot say them exactly."""
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return {"record_text": _printable(record.decode(errors="backslashreplace")), "record_bytes": record}
    return {"record_text": _printable(text), "record_bytes": record if "\x00" in text else None}


def _printable(text: str) -> str:
    return text.replace("\x00", "\\u0000")
