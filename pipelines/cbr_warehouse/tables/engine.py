"""The DuckDB connection that flattens: in memory, bounded, in UTC."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TypeVar
from uuid import uuid4

import duckdb

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.layout import DAY_PREFIX, SOURCE_PREFIX, DataDirectory
from cbr_warehouse.storage.sql_text import parquet_files
from cbr_warehouse.storage.without_pandas import without_pandas

T = TypeVar("T")

NotEnoughMemory = duckdb.OutOfMemoryException
"""What :func:`with_enough_memory` raises in the end, for rooms that run no SQL themselves."""

_NOT_OF_A_FILE = (
    duckdb.OutOfMemoryException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
)
"""Errors that no content of a file causes."""

MEMORY_LIMIT_MB = 130
"""Of the engine alone; a load as a whole stays below 400 MB. What does not fit is spilled to disk."""

MOST_MEMORY_MB = 16 * MEMORY_LIMIT_MB
"""What rows of a megabyte each may take, which cannot be spilled while they are worked on."""

MOST_READERS = 2
"""Maximum number of engines that read tables at a time, each with the memory above."""

SPILL_NAME = "spill"
"""End of the name of the folder of an engine, if it has no other."""

_READERS = BoundedSemaphore(MOST_READERS)


@contextmanager
def open_engine(
    spill: Path, threads: int | None = None, *, spill_name: str = SPILL_NAME
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens an engine of its own; closed at the end whatever happens, or kept by :func:`keep_engines`.

    Args:
        spill: The folder that gets what does not fit in memory, in a folder of its own that is
            removed in the end (or by the next load, if the process is killed).
        threads: Maximum number of threads; None for as many as there are CPUs. Two take a fifth more CPU
            than one for the same work, and twice the buffers.
        spill_name: End of the name of that folder.
    """
    kind = _EngineKind(spill, threads, spill_name)
    engine = _kept.take(kind) or _open(kind)
    is_sound = False
    try:
        # What the caller creates and sets for itself goes with its connection.
        with engine.cursor() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            limit_memory(connection, MEMORY_LIMIT_MB)
            with without_pandas():
                yield connection
        is_sound = True
    finally:
        if not (is_sound and _kept.keep(kind, engine)):
            engine.close()


@contextmanager
def keep_engines(spill: Path) -> Iterator[None]:
    """Lets engines be used again while the block runs: to open and close one takes as long as a short query.

    Args:
        spill: The folder of the engines, as of :func:`open_engine`.
    """
    _kept.begin(spill)
    try:
        yield
    finally:
        for engine in _kept.end(spill):
            engine.close()


@dataclass(frozen=True)
class _EngineKind:
    """What engines have to have in common to be used for each other; see :func:`open_engine`."""

    spill: Path
    threads: int | None
    spill_name: str


class _KeptEngines:
    """Engines that nobody uses at present, of the folders of running loads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keepers: Counter[Path] = Counter()
        self._idle: dict[_EngineKind, list[duckdb.DuckDBPyConnection]] = {}

    def begin(self, spill: Path) -> None:
        """Keeps engines of a folder from now on."""
        with self._lock:
            self._keepers[spill] += 1

    def end(self, spill: Path) -> list[duckdb.DuckDBPyConnection]:
        """Ends one :meth:`begin`; the last one's caller closes what was kept."""
        with self._lock:
            self._keepers[spill] -= 1
            if self._keepers[spill]:
                return []
            del self._keepers[spill]
            kinds = [kind for kind in self._idle if kind.spill == spill]
            return [engine for kind in kinds for engine in self._idle.pop(kind)]

    def take(self, kind: _EngineKind) -> duckdb.DuckDBPyConnection | None:
        """An engine that was kept, for the caller alone."""
        with self._lock:
            idle = self._idle.get(kind)
            return idle.pop() if idle else None

    def keep(self, kind: _EngineKind, engine: duckdb.DuckDBPyConnection) -> bool:
        """Keeps an engine that is not used any more; returns whether it does."""
        with self._lock:
            idle = self._idle.get(kind, [])
            # An engine whose folder has a name of its own is used once a load.
            if not self._keepers[kind.spill] or kind.spill_name != SPILL_NAME or len(idle) == MOST_READERS:
                return False
            self._idle[kind] = [*idle, engine]
            return True


_kept = _KeptEngines()


def _open(kind: _EngineKind) -> duckdb.DuckDBPyConnection:
    own = kind.spill / f"{TEMPORARY_PREFIX}{uuid4().hex}-{kind.spill_name}"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(own),
        "preserve_insertion_order": "false",
        # A partition is one file, however many rows it has.
        "partitioned_write_flush_threshold": str(2**40),
    }
    if kind.threads is not None:
        settings["threads"] = str(kind.threads)
    return duckdb.connect(":memory:", config=settings)


@contextmanager
def open_shared_engine(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens an engine when few others are open: for short queries of sources that load side by side.

    The lock of the data directory keeps the engines that write to one; those that only read have this.
    Not to be nested: two that wait for each other would wait for ever.

    Args:
        spill: As of :func:`open_engine`.
    """
    with _READERS, open_engine(spill) as engine:
        yield engine


@contextmanager
def reading_tables(directory: DataDirectory) -> Iterator[None]:
    """Reports a partition that the block cannot read as damaged: partitions have no checksum.

    Raises:
        StorageError: A partition is no Parquet file any more.
    """
    try:
        yield
    except _NOT_OF_A_FILE:
        raise
    except duckdb.Error as error:
        raise StorageError(
            f"{directory.tables}: a file is damaged ({str(error).splitlines()[0]}). "
            "Run 'cbr-warehouse rebuild', which makes all tables again from raw."
        ) from error


def limit_memory(engine: duckdb.DuckDBPyConnection, megabytes: int) -> None:
    """Sets what an engine may take; what it has freed goes back to the system soon."""
    engine.execute(f"SET memory_limit = '{megabytes}MB'")
    engine.execute("SET allocator_flush_threshold = '8MB'")


def with_enough_memory(work: Callable[[int], T]) -> T:
    """Does some work, and all of it again with twice the memory as often as that did not suffice.

    Args:
        work: Gets the megabytes it may take.

    Returns:
        What the work returned.

    Raises:
        duckdb.OutOfMemoryException: The most memory did not suffice; another kind of duckdb.Error where a
            commit or a checkpoint ran out of it.
    """
    megabytes = MEMORY_LIMIT_MB
    while True:
        try:
            return work(megabytes)
        except duckdb.Error as error:
            if megabytes >= MOST_MEMORY_MB or not is_short_of_memory(error):
                raise
            megabytes *= 2


def is_short_of_memory(error: Exception) -> bool:
    """Whether an engine failed for want of memory, so that the same work may succeed with more."""
    # A commit and a checkpoint wrap the error: only its words are left.
    return isinstance(error, duckdb.OutOfMemoryException) or any(
        words in str(error) for words in ("failed to pin block", "failed to allocate data of size")
    )


def do_within_memory(engine: duckdb.DuckDBPyConnection, step: Callable[[], T]) -> T:
    """Does one step of an engine's work :func:`with_enough_memory`; the step may be done again."""
    is_raised = False

    def limited(megabytes: int) -> T:
        nonlocal is_raised
        # Setting a limit frees memory at once, which costs more than most steps.
        if is_raised or megabytes > MEMORY_LIMIT_MB:
            is_raised = True
            limit_memory(engine, megabytes)
        return step()

    try:
        return with_enough_memory(limited)
    finally:
        if is_raised:
            limit_memory(engine, MEMORY_LIMIT_MB)


def parquet(files: Iterable[Path]) -> str:
    """SQL of the rows of Parquet files of a source and day, with these two as text columns."""
    # Only the last three steps of a path are ours to read: `DataDirectory` made them. DuckDB evaluates a
    # regular expression once for many rows of a file, where it would split the path again for each row.
    values = ", ".join(
        f"regexp_extract(filename, '/{prefix}([^/]*){'/[^/]*' * below}$', 1) AS {prefix.removesuffix('=')}"
        for below, prefix in ((2, SOURCE_PREFIX), (1, DAY_PREFIX))
    )
    return f"(SELECT * EXCLUDE (filename), {values} FROM {parquet_files(files, ', filename = true')})"
