"""Sorted times in bounded memory, however many there are: all but few of them are in a temporary file.

What the times are of, and what is asked of them, is in ``task_times``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cbr_warehouse.storage.temporary_file import UnnamedFile

Micros = NDArray[np.int64]
"""Times in microseconds since 1970."""

RUN_TIMES = 2**17
"""Times that are sorted at once, and kept in memory where there are no more: a megabyte a column."""

BLOCK_TIMES = 512
"""Times that are read from the file at once, of which one is kept in memory."""

_WIDTH = np.dtype(np.int64).itemsize


@dataclass(frozen=True)
class _Run:
    """Some of the times, sorted.

    Attributes:
        count: How many there are, at least one.
        samples: The first of each block.
        last: The last of all.
        read: Gives those from one place until before another.
    """

    count: int
    samples: Micros
    last: int
    read: Callable[[int, int], Micros]

    def place_of(self, micros: int) -> int:
        """Place of the first time that is not before an instant."""
        if micros > self.last:
            return self.count
        block = int(np.searchsorted(self.samples, micros)) - 1
        if block < 0:
            return 0
        begin = block * BLOCK_TIMES
        values = self.read(begin, min(begin + BLOCK_TIMES, self.count))
        return begin + int(np.searchsorted(values, micros))


class SortedTimes:
    """Times, of which any span can be counted and read.

    Args:
        runs: The times in sorted runs, whose spans may overlap.
    """

    def __init__(self, runs: Sequence[_Run] = ()) -> None:
        self._runs = tuple(runs)

    @classmethod
    def of(cls, values: Micros) -> "SortedTimes":
        """Times that are sorted already, in memory."""
        return cls((_in_memory(values),) if len(values) else ())

    def __len__(self) -> int:
        """How many times there are."""
        return sum(run.count for run in self._runs)

    def count_before(self, micros: int) -> int:
        """Number of times before an instant."""
        return sum(run.place_of(micros) for run in self._runs)

    def first_from(self, micros: int) -> int | None:
        """The first time at or after an instant; None if there is none."""
        places = ((run, run.place_of(micros)) for run in self._runs)
        found = [int(run.read(place, place + 1)[0]) for run, place in places if place < run.count]
        return min(found, default=None)

    def within(self, first: int, end: int) -> Micros:
        """The times at or after ``first`` and before ``end``, in no particular order."""
        places = ((run, run.place_of(first), run.place_of(end)) for run in self._runs)
        parts = [run.read(begin, stop) for run, begin, stop in places if begin < stop]
        return np.concatenate([*parts, np.array([], np.int64)])


class TimesWriter:
    """Takes several columns of times bit by bit, and gives each of them sorted.

    Args:
        columns: Number of columns.
        folder: Folder of the temporary file, which has no name there and is gone with the process. Where
            the folder cannot be written, as a reader's, all times stay in memory.
    """

    def __init__(self, columns: int, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[list[Micros]] = [[] for _ in range(columns)]
        self._rows = 0
        self._runs: list[list[_Run]] = [[] for _ in range(columns)]
        self._store: Callable[[Micros], _Run] | None = None

    def add(self, columns: Sequence[Micros], rows: int) -> None:
        """Adds some rows.

        Args:
            columns: The times of each column, in any order; rows without one are left out.
            rows: Number of rows.

        Raises:
            StorageError: The temporary file could not be written.
        """
        for waiting, values in zip(self._waiting, columns, strict=True):
            waiting.append(values)
        self._rows += rows
        if self._rows >= RUN_TIMES:
            self._store = self._store or _store_in(self._folder)
            self._end_run(self._store)

    def finish(self) -> list[SortedTimes]:
        """All columns.

        Raises:
            StorageError: The temporary file could not be written.
        """
        self._end_run(self._store or _in_memory)
        return [SortedTimes(runs) for runs in self._runs]

    def _end_run(self, store: Callable[[Micros], _Run]) -> None:
        for runs, waiting in zip(self._runs, self._waiting, strict=True):
            values = np.concatenate([*waiting, np.array([], np.int64)])
            waiting.clear()
            values.sort()
            if len(values):
                runs.append(store(values))
        self._rows = 0


def _store_in(folder: Path) -> Callable[[Micros], _Run]:
    """What keeps runs: a file, or memory where none can be created."""
    try:
        return partial(_in_file, UnnamedFile(folder))
    except OSError:
        return _in_memory


def _in_file(file: UnnamedFile, values: Micros) -> _Run:
    offset = file.append(values.data)

    def read(begin: int, end: int) -> Micros:
        return np.frombuffer(file.read(offset + begin * _WIDTH, (end - begin) * _WIDTH), np.int64)

    samples = values[::BLOCK_TIMES].copy()  # not a view, which would keep all values
    return _Run(len(values), samples, int(values[-1]), read)


def _in_memory(values: Micros) -> _Run:
    return _Run(len(values), values[::BLOCK_TIMES], int(values[-1]), lambda begin, end: values[begin:end])
