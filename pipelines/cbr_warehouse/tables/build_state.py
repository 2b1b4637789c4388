"""What a day's partitions are made from, and which days must be rebuilt.

A day is dirty when its record files, those of days tied to it or the contract are not what its
partitions were made from; sightings alone change nothing, unless the order of versions depends on
them. A task whose created_at moved from one day to another ties those days together: the note of such
tasks lives here too.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.files import names_digest
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.atomic_write import read_file
from cbr_warehouse.storage.checked_json import parse_checked_json, read_checked_json, write_checked_json
from cbr_warehouse.storage.files import changed_at, names_in, open_file
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)

BROKEN = ""
"""Fingerprint of a day whose partitions are not what was written: it is made again from raw alone."""

_FORMAT = "2"
"""Part of every fingerprint: raised when partitions are made otherwise of the same raw files and contract."""


@dataclass(frozen=True)
class DayInputs:
    """The raw files of one day of a source.

    Attributes:
        day: The UTC day, or ``unknown``.
        records: Files of distinct records.
        manifests: Files of sightings.
        fingerprint: Changes when the record files or the contract do; those of days tied to it aside.
        seen_fingerprint: The same, and when the manifests do.
    """

    day: str
    records: tuple[Path, ...]
    manifests: tuple[Path, ...]
    fingerprint: str
    seen_fingerprint: str


@dataclass(frozen=True)
class TaskEnds:
    """When the tasks of a day ended.

    Attributes:
        without: Tasks without an end.
        latest: The latest end, UTC; None where no task has one.
    """

    without: int
    latest: datetime | None


@dataclass(frozen=True)
class PartitionState:
    """What the partitions of one day were made from.

    Attributes:
        fingerprint: Of the raw files, those of days tied to it, and the contract.
        records: Names of the record files.
        rows: Rows by table.
        is_ordered_by_sight: Whether some task has two newest versions of one time, of which the one that was
            seen last counts: then sightings alone make the day again.
        files: Size in bytes and checksum of the file by table; none in states written before they were noted.
        ends: When the tasks ended; None where there are none, or it was not noted.
    """

    fingerprint: str
    records: tuple[str, ...]
    rows: dict[str, int]
    is_ordered_by_sight: bool = False
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    ends: TaskEnds | None = None


@dataclass
class MovedTasks:
    """Tasks of a source that were ever seen under more than one day, with those days."""

    days_of: dict[str, set[str]] = field(default_factory=dict)

    def add(self, task_id: str, *days: str) -> None:
        """Notes that a task was seen under these days."""
        self.days_of.setdefault(task_id, set()).update(days)

    def groups(self) -> dict[str, set[str]]:
        """By day all days tied to it, itself among them; only days that any task ties to another."""
        groups: dict[str, set[str]] = {}
        for own in self.days_of.values():
            tied = own.union(*(groups.get(day, set()) for day in own))
            groups.update(dict.fromkeys(tied, tied))
        return groups

    def tied_to(self, days: set[str]) -> set[str]:
        """The days, and all days tied to them by a task that moved."""
        groups = self.groups()
        return days.union(*(groups.get(day, set()) for day in days))

    def touching(self, days: set[str]) -> dict[str, set[str]]:
        """The tasks seen under any of the days."""
        return {task_id: own for task_id, own in self.days_of.items() if own & days}


def day_inputs(directory: DataDirectory, source: str, day: str, contract: Contract) -> DayInputs:
    """Lists the raw files of a day."""
    records = tuple(raw_files(directory.raw_day("records", source, day)))
    manifests = tuple(raw_files(directory.raw_day("manifests", source, day)))
    made_from = [_FORMAT, contract.fingerprint, names_digest(path.name for path in records)]
    seen = [*made_from, names_digest(path.name for path in manifests)]
    return DayInputs(day, records, manifests, _digest(made_from), _digest(seen))


def tied_fingerprints(
    inputs: Mapping[str, DayInputs], moved: MovedTasks, by_sight: Collection[str]
) -> dict[str, str]:
    """What the partitions of each day are made from: its raw files and those of all days tied to it.

    Args:
        inputs: The raw files of every day.
        moved: The tasks seen under more than one day.
        by_sight: Days whose versions are ordered by sightings too.
    """
    groups = moved.groups()
    sensitive = frozenset().union(*(groups.get(day, {day}) for day in by_sight))
    own = {
        day: found.seen_fingerprint if day in sensitive else found.fingerprint
        for day, found in inputs.items()
    }
    return {
        day: _digest([own[other] for other in sorted(groups[day]) if other in own])
        if day in groups
        else fingerprint
        for day, fingerprint in own.items()
    }


def days_ordered_by_sight(directory: DataDirectory, source: str, days: Iterable[str]) -> set[str]:
    """Days whose partitions were made by sightings too."""
    states = {day: read_state(directory, source, day) for day in days}
    return {day for day, state in states.items() if state is not None and state.is_ordered_by_sight}


def made_from(directory: DataDirectory, source: str, day: str) -> str | None:
    """Fingerprint of what the day's partitions were made from; None if they were not, or it is not known."""
    state = read_state(directory, source, day)
    return None if state is None else state.fingerprint


def made_partitions(directory: DataDirectory, source: str) -> dict[str, str]:
    """Every day of a source that partitions were made for, with what they were made from."""
    return {
        day: fingerprint
        for day in directory.days(source)
        if (fingerprint := made_from(directory, source, day)) is not None
    }


def half_made(directory: DataDirectory, source: str, noted: Mapping[str, str]) -> set[str]:
    """Days that share a moved task with a day that is not made yet from the same raw files.

    One of them without the other would have the task twice or not at all.

    Args:
        directory: The data directory.
        source: Name of the source.
        noted: What each day's partitions were made from, as of ``made_partitions``.
    """
    moved = read_moved(directory, source)
    if moved is None or not moved.days_of:
        return set()
    days = set(directory.days(source))
    groups = {frozenset(group & days) for group in moved.groups().values()}
    return {day for group in groups if len({noted.get(one) for one in group}) > 1 for day in group}


def note_made(directory: DataDirectory, source: str, inputs: DayInputs, state: PartitionState) -> None:
    """Notes what a day's partitions were made from; the last step of making them.

    Args:
        directory: The data directory.
        source: Name of the source.
        inputs: The raw files of the day, whose names are noted.
        state: The rest of the note.
    """
    records = tuple(sorted(path.name for path in inputs.records))
    write_state(directory, source, inputs.day, replace(state, records=records))


def write_state(directory: DataDirectory, source: str, day: str, state: PartitionState) -> None:
    """Replaces the note of what a day's partitions were made from."""
    write_checked_json(directory.partition_state(source, day), msgspec.to_builtins(state))


def file_checksum(path: Path) -> str:
    """128 bits over the bytes of a partition file, in hex.

    Raises:
        StorageError: The file cannot be read.
    """
    with open_file(path) as content:
        return hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_state(directory: DataDirectory, source: str, day: str) -> PartitionState | None:
    """What a day's partitions were made from; None if none were, or where the note of it is damaged.

    A damaged note is treated as missing: the day is rebuilt from raw, and the note with it.
    """
    path = directory.partition_state(source, day)
    try:
        content = read_file(path)
        return None if content is None else _parse_state(path, content)
    except (DamagedFileError, msgspec.ValidationError) as error:
        logger.warning("%s: is damaged, so the day is rebuilt (%s)", path, _reason(error))
        return None


@lru_cache(maxsize=4_096)
def _parse_state(path: Path, content: bytes) -> PartitionState:
    """A note as read from a file; a load asks for that of each day several times."""
    value = parse_checked_json(path, content, [field.name for field in fields(PartitionState)])
    return msgspec.convert(value, PartitionState)


def broken_days(directory: DataDirectory, source: str, days: Iterable[str]) -> set[str]:
    """Days that were noted as broken, so that their partitions are not to be read."""
    states = {day: read_state(directory, source, day) for day in days}
    return {day for day, state in states.items() if state is not None and state.fingerprint == BROKEN}


def rename_inputs(
    directory: DataDirectory, source: str, day: str, replaced: Collection[str], by: str
) -> None:
    """Notes that record files which a day was made from are now one compacted file with the same records.

    Args:
        directory: The data directory.
        source: Name of the source.
        day: The UTC day, or ``unknown``.
        replaced: Names of the files that were replaced.
        by: Name of the compacted file.
    """
    state = read_state(directory, source, day)
    if state is None or not set(replaced) <= set(state.records):
        return
    records = tuple(sorted({*state.records, by}.difference(replaced)))
    write_state(directory, source, day, replace(state, records=records))


def rows_made(directory: DataDirectory, source: str, day: str) -> dict[str, int]:
    """Rows by table of the partitions of a day; empty if none were made."""
    state = read_state(directory, source, day)
    return {} if state is None else dict(state.rows)


def made_at(directory: DataDirectory, source: str, day: str) -> datetime | None:
    """When the partitions of a day were last replaced, UTC; None if none were made."""
    return changed_at(directory.partition_state(source, day))


def new_record_files(directory: DataDirectory, source: str, inputs: DayInputs) -> tuple[Path, ...]:
    """The record files of a day that its partitions do not know yet."""
    state = read_state(directory, source, inputs.day)
    known = frozenset(() if state is None else state.records)
    return tuple(path for path in inputs.records if path.name not in known)


def gone_record_files(directory: DataDirectory, source: str, day: str) -> tuple[str, ...]:
    """Names of the record files that a day was made from and that are not in their place any more."""
    state = read_state(directory, source, day)
    in_place = {path.name for path in raw_files(directory.raw_day("records", source, day))}
    return () if state is None else tuple(sorted(set(state.records) - in_place))


def read_moved(directory: DataDirectory, source: str) -> MovedTasks | None:
    """Reads the note of moved tasks; None where it is damaged or gone and must be found again from raw."""
    path = directory.moved(source)
    try:
        value = read_checked_json(path, None)
        if value is None:
            if names_in(path.parent, suffix=".json"):
                logger.warning("%s: is missing, so moved tasks are searched for again", path)
                return None
            value = {}
        # Before there were checksums, the tasks were the whole of the file: lists of days by task id.
        tasks = value["tasks"] if isinstance(value.get("tasks"), dict) else value
        return MovedTasks(msgspec.convert(tasks, dict[str, set[str]]))
    except (DamagedFileError, msgspec.ValidationError) as error:
        logger.warning("%s: is damaged, so moved tasks are searched for again (%s)", path, _reason(error))
        return None


def write_moved(directory: DataDirectory, source: str, moved: MovedTasks) -> None:
    """Writes the note of moved tasks, before the partitions that rely on it."""
    days_of = {task_id: sorted(days) for task_id, days in moved.days_of.items()}
    write_checked_json(directory.moved(source), {"tasks": days_of})


def _reason(error: DamagedFileError | msgspec.ValidationError) -> str:
    return error.what if isinstance(error, DamagedFileError) else str(error)


def _digest(names: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(names).encode(), digest_size=12).hexdigest()
