"""Files of records for the benchmarks: those of a generated estate, copied to any number.

A file is newline-delimited JSON. The server and the floor read the same file.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.server.auth import PROJECT
from cbr_emulator.server.record_store import EstateRecords

ESTATE = 100_000
"""Tasks of the estate at most; more records are copies of them with other ids and times."""

PERIOD = timedelta(days=29)
"""How long the estate has run, so that all its tasks lie within the default history of 30 days."""

APART = timedelta(seconds=37)
"""Between two copies of a task in one period."""

MADE = re.compile(rb'("(?:backup_id|checkpoint_id)":"[^"]{24})([^"]{12})"')
"""Ids of what a task makes, copies or deletes: a copy does so to things of its own."""

TIME = re.compile(rb'("(?:created|started|ended|updated)_at":")([^"]{26})"')


def write_records(path: Path, size: int, now: datetime, days: int = PERIOD.days) -> None:
    """Writes a file of records, one a line, in no particular order.

    Args:
        path: The file.
        size: Number of records.
        now: The present of the estate, UTC.
        days: Over how many days the tasks are spread, in whole periods; at least one.
    """
    estate = generate_estate(min(size, ESTATE), PERIOD.days, 1, now)
    store = EstateRecords(estate, PROJECT)
    originals = [store.text(row, now, Dialect()) for row in store.rows(now, None)]
    with path.open("wb", buffering=2**20) as file:
        file.writelines(line + b"\n" for line in _copied(originals, size, max(1, days // PERIOD.days)))


def write_dense_day(path: Path, size: int, now: datetime) -> None:
    """Writes a file of records that were all created yesterday, evenly over the day."""
    estate = generate_estate(min(size, ESTATE), PERIOD.days, 1, now)
    store = EstateRecords(estate, PROJECT)
    originals = [store.text(row, now, Dialect()) for row in store.rows(now, None)]
    over = [record for record in originals if b'"ended_at":null' not in record]
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with path.open("wb", buffering=2**20) as file:
        for number in range(size):
            record = over[number % len(over)]
            created_at = datetime.fromisoformat(json.loads(record)["created_at"]).replace(tzinfo=UTC)
            shift = created_at - begin - timedelta(days=1) * (number / size)
            file.write(_copy(record, number // len(over), shift) + b"\n")


def _copied(originals: list[bytes], size: int, periods: int) -> Iterator[bytes]:
    """The originals, then copies of those that have ended; open ones of the past would be asked for alone."""
    yield from originals[:size]
    over = [record for record in originals if b'"ended_at":null' not in record]
    left = max(0, size - len(originals))  # the estate may have some tasks more
    for number in count(1):
        shift = PERIOD * (number % periods) + APART * (number // periods)
        for record in over[:left]:
            yield _copy(record, number, shift)
        left -= len(over)
        if left <= 0:
            return


def _copy(record: bytes, number: int, shift: timedelta) -> bytes:
    """A record that begins with its id, with others of the task and of what it made, and earlier times."""
    old = record[7:43]

    def earlier(match: re.Match[bytes]) -> bytes:
        instant = datetime.fromisoformat(match[2].decode()) - shift
        return b'%b%b"' % (match[1], instant.isoformat(timespec="microseconds").encode())

    def another(match: re.Match[bytes]) -> bytes:
        return b'%b%b"' % (match[1], _other(match[2], number))

    copy = MADE.sub(another, TIME.sub(earlier, record))
    return copy.replace(old, old[:24] + _other(old[24:], number))


def _other(digits: bytes, number: int) -> bytes:
    """Another end of an id."""
    return b"%012x" % (int(digits, 16) ^ number)
