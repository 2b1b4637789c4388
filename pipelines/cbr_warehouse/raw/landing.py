"""Landing: stores what a load received, each distinct record text once.

Every new record is validated, and the result is stored beside its text. Invalid records are stored
too; ``tables`` puts them into quarantine. Records are gathered over pages and sweeps, so that raw has
few files: what landed is on the disk after the next ``flush``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

import msgspec

from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.validate import RecordValidator, ValidatedPage, Validation
from cbr_warehouse.raw.files import ReceivedPage, text_digest
from cbr_warehouse.raw.known_texts import KnownTexts, Standing, read_known_texts
from cbr_warehouse.raw.landing_buffer import LandingBuffer, Receipts
from cbr_warehouse.raw.ledgers import write_landed_files
from cbr_warehouse.storage.atomic_write import write_group
from cbr_warehouse.storage.files import names_in
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.storage.memory import release_memory

_DAY_SHOWN = re.compile(rb'"%b"\s*:\s*"(\d{4}-\d\d-\d\d)' % TASKS.time_key.encode())

RELEASED_EVERY = 16
"""Flushes after which freed memory is given back: a sweep of 3 million records would keep 80 MB more."""


@dataclass(frozen=True)
class Landed:
    """The result of landing one page.

    Attributes:
        received: Records received.
        distinct: Records whose exact text was not stored before, by the partition they are written to.
        doubled: Tasks that occurred in several rows of the page, with the number of rows.
    """

    received: int
    distinct: Mapping[str, int]
    doubled: Mapping[str, int]


class _IdOnly(msgspec.Struct):
    task_id: str = msgspec.field(name=TASKS.id_key, default="")


_read_id = msgspec.json.Decoder(_IdOnly).decode


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
        self._known: dict[str, KnownTexts] = {}
        self._unseen: set[str] = set()
        self._buffer = LandingBuffer(1)
        self._flushed = 0
        self._failure: Exception | None = None
        self._lock = Lock()
        # Held while files are written: meanwhile other threads fill the next buffer.
        self._writing = Lock()

    def watch(self, task_ids: Iterable[str]) -> None:
        """From now on notes whether the load receives these tasks."""
        with self._lock:
            self._unseen.update(task_ids)

    def unseen(self, task_ids: Iterable[str]) -> list[str]:
        """Those of some watched tasks that the load has not received since, in order."""
        with self._lock:
            return sorted(self._unseen.intersection(task_ids))

    def land(self, page: ReceivedPage) -> Landed:
        """Files the records of one page in memory, and writes what is there once it is much.

        Args:
            page: The page.

        Returns:
            How many records were received, new, and repeated within the page.

        Raises:
            StorageError: A file could not be written. Files are whole or absent; what was flushed
                before stays, and the next load asks for the rest.
        """
        digests = list(map(text_digest, page.records))
        try:
            ids, distinct = self._buffer_page(page, digests)
        except Exception as error:
            # The buffer may hold half of the page, and count all of it as stored.
            self._failure = error
            raise
        with self._lock:
            due = self._buffer.number if self._buffer.is_due(page.fetched_at) else None
        if due is not None:
            self._flush(due)
        doubled = {}
        if len(set(ids)) < len(ids):
            doubled = {task_id: count for task_id, count in Counter(ids).items() if count > 1}
        return Landed(len(page.records), distinct, doubled)

    @property
    def mark(self) -> int:
        """Number of the flush after which all that landed so far is on the disk."""
        with self._lock:
            return self._buffer.number

    @property
    def flushed(self) -> int:
        """Number of the last flush that is done."""
        return self._flushed

    def flush(self) -> None:
        """Writes what landed: afterwards it is on the disk.

        Raises:
            StorageError: A file could not be written, now or by an earlier flush.
            Exception: Whatever an earlier page or flush failed with: what was in memory then is
                incomplete, so nothing is written any more.
        """
        self._flush(None)

    def forget(self) -> None:
        """Writes what landed, and frees what is known of stored texts: the tables need the memory.

        A day that is asked for again is read again. What this load has received before then counts as
        stored before it: that it comes once more is noted.

        Raises:
            StorageError: As of :meth:`flush`.
        """
        self.flush()
        with self._lock:
            self._known.clear()

    def _flush(self, number: int | None) -> None:
        """Writes the buffer; with a number, only if no other thread has written that one meanwhile."""
        with self._writing:
            if self._failure is not None:
                raise self._failure
            with self._lock:
                buffer = self._buffer
                if number is not None and buffer.number != number:
                    return
                self._buffer = LandingBuffer(buffer.number + 1)
            try:
                self._write(buffer)
            except Exception as error:
                self._failure = error
                raise
            self._flushed = buffer.number
            if buffer.number % RELEASED_EVERY == 0:
                release_memory()

    def _write(self, buffer: LandingBuffer) -> None:
        """Writes the files of a buffer, and notes those with records, so that one that is lost is missed."""
        files = buffer.files(self._directory, self._source, self._load_id, self._contract)
        write_group(files)
        landed = buffer.landed_files(files, self._load_id)
        if landed.files:
            write_landed_files(self._directory, self._source, landed)

    def _buffer_page(self, page: ReceivedPage, digests: list[bytes]) -> tuple[list[str], dict[str, int]]:
        """Puts a page into the buffer; returns its task ids, and how many records of each day are new."""
        with self._lock:
            places, ids = self._sight_known(page, digests)
        checked = self.validator.check_page([page.records[place] for place in places], page.fetched_at)
        with self._lock:
            distinct = self._file(page, places, [digests[place] for place in places], checked)
            ids += [task_id for task_id in checked.task_ids if task_id]
            self._unseen.difference_update(ids)
            self._buffer.add_page(page)
        return ids, distinct

    def _sight_known(self, page: ReceivedPage, digests: list[bytes]) -> tuple[list[int], list[str]]:
        """Notes receipts of texts that are stored as valid, without validating them again.

        The day under which a text is stored is where its record says it is from; should it not be,
        the text is validated like a new one, which shows the day.

        Returns:
            The places in the page of all other records, and the task ids of these.
        """
        by_day: defaultdict[str, list[int]] = defaultdict(list)
        others: list[int] = []
        for place, record in enumerate(page.records):
            shown = _DAY_SHOWN.search(record)
            if shown is None:
                others.append(place)
            else:
                by_day[shown[1].decode()].append(place)
        ids: list[str] = []
        for day, places in by_day.items():
            repeated = Receipts(page, [], [], [])
            standings = self._known_on(day).sight([digests[place] for place in places])
            for place, standing in zip(places, standings, strict=True):
                if standing is Standing.NEW:
                    others.append(place)
                    continue
                ids.append(self._id_of(page, place))
                if standing is Standing.REPEATED:
                    repeated.places.append(place)
                    repeated.digests.append(digests[place])
                    repeated.task_ids.append(ids[-1])
            if repeated.places:
                self._buffer.add_sightings(day, repeated)
        return sorted(others), ids

    def _id_of(self, page: ReceivedPage, place: int) -> str:
        """The task id of a valid record."""
        try:
            return _read_id(page.records[place]).task_id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.validator.check(page.records[place], page.fetched_at).task_id or ""

    def _file(
        self, page: ReceivedPage, places: Sequence[int], digests: list[bytes], checked: ValidatedPage
    ) -> dict[str, int]:
        """Puts validated records into the buffer; returns how many of each day are new."""
        by_day: defaultdict[str, list[int]] = defaultdict(list)
        for index, day in enumerate(checked.days):
            by_day[self._place_of(day, digests[index], checked.exact.get(index))].append(index)
        exact = {places[index]: result for index, result in checked.exact.items()}
        distinct: dict[str, int] = {}

        def receipts(indexes: list[int]) -> Receipts:
            return Receipts(
                page,
                [places[index] for index in indexes],
                [digests[index] for index in indexes],
                [checked.task_ids[index] for index in indexes],
            )

        for name, indexes in by_day.items():
            new, repeated = self._divide(name, indexes, digests, checked)
            if new:
                self._buffer.add_records(name, receipts(new), exact)
                distinct[name] = len(new)
            if repeated:
                self._buffer.add_sightings(name, receipts(repeated))
        return distinct

    def _place_of(self, day: date | None, digest: bytes, exact: Validation | None) -> str:
        """The day a record is filed under; one that is refused again stays where it was refused first."""
        if day is None:
            return UNKNOWN_DAY
        if exact is not None and exact.reason is not None and self._known_on(UNKNOWN_DAY).is_refused(digest):
            return UNKNOWN_DAY
        return day.isoformat()

    def _divide(
        self, day: str, indexes: list[int], digests: list[bytes], checked: ValidatedPage
    ) -> tuple[list[int], list[int]]:
        """Of the records filed under a day, those to store and those whose receipt is to be noted.

        A text that was refused before is stored again once it is valid; a valid one never is.
        """
        known = self._known_on(day)
        new: list[int] = []
        repeated: list[int] = []
        standings = known.sight([digests[index] for index in indexes])
        for index, found in zip(indexes, standings, strict=True):
            standing = found
            if found is Standing.NEW:
                is_refused = index in checked.exact and checked.exact[index].reason is not None
                standing = known.add_refused(digests[index]) if is_refused else known.add(digests[index])
            if standing is Standing.NEW:
                new.append(index)
            elif standing is Standing.REPEATED:
                repeated.append(index)
        return new, repeated

    def _known_on(self, day: str) -> KnownTexts:
        """The texts stored of a day."""
        if day not in self._known:
            folder = self._directory.raw_day("records", self._source, day)
            self._known[day] = read_known_texts(raw_files(folder))
        return self._known[day]


def raw_files(folder: Path) -> list[Path]:
    """The raw files of a folder, in the order they were written."""
    return [folder / name for name in names_in(folder, suffix=".parquet")]
