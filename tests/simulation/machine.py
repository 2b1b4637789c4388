"""The machine of a life: one process after another on one disk, with simulated time, ids and threads."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import duckdb

import cbr_warehouse.integrity.verify
import cbr_warehouse.load.live_context
import cbr_warehouse.load.maintain
import cbr_warehouse.load.run
import cbr_warehouse.source.client
from cbr_warehouse.warehouse import reusable_file
from simulation.clocks import Clocks, TimeModule
from simulation.disk import Disk
from simulation.replacement import replaced
from simulation.threads import Condition, KilledError, Lock, Pool, Threads, as_completed, wait_first

EXECUTORS = ("cbr_warehouse.extract.sweep_runner", "cbr_warehouse.load.run")
LOCKS = ("cbr_warehouse.source.iam_token", "cbr_warehouse.extract.pagination")
CACHES = (
    ("cbr_warehouse.raw.ledgers", "parse_audit"),
    ("cbr_warehouse.tables.build_state", "_parse_state"),
)
"""What a process keeps in memory of files: a new process begins without."""


class Machine:
    """Runs processes.

    Args:
        clocks: The time.
        disk: The disk.
        random: Ids and the order of threads.
    """

    def __init__(self, clocks: Clocks, disk: Disk, random: Random) -> None:
        self._clocks = clocks
        self._disk = disk
        self._random = random
        self._identities: dict[tuple[int, int], int] = {}
        self.threads = Threads(random, clocks)

    def new_id(self) -> UUID:
        """A random id."""
        return UUID(int=self._random.getrandbits(128), version=4)

    def sleep(self, seconds: float) -> None:
        """Sleeps some simulated seconds, while other threads of the process run."""
        self.threads.sleep(seconds)

    def run(self, work: Callable[[], Any], *, prepare: Callable[[], None] = lambda: None) -> Any:
        """Runs a process to its end.

        Args:
            work: What it does.
            prepare: Called once it has begun, to say how it ends.

        Raises:
            KilledError: It was killed.
        """
        self.threads = threads = Threads(self._random, self._clocks)
        for module, name in CACHES:
            getattr(sys.modules[module], name).cache_clear()
        self._disk.begin(threads)
        prepare()
        try:
            return work()
        finally:
            threads.drain()
            self._disk.end()
            if threads.is_killed:
                raise KilledError

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replaces time, ids, threads and disk of the warehouse while the block runs."""
        with ExitStack() as stack:
            stack.enter_context(self._disk.installed())
            for place, name, substitute in self._substitutes():
                stack.enter_context(replaced(place, name, substitute))
            yield

    def _substitutes(self) -> Iterator[tuple[Any, str, Callable[[Any], Any]]]:
        clock = TimeModule(self._clocks, self.sleep)
        own = ("cbr_warehouse.", "cbr_emulator.")
        for module in [module for name, module in sys.modules.items() if name.startswith(own)]:
            if vars(module).get("time") is time:
                yield module, "time", lambda _: clock
            if vars(module).get("uuid4") is uuid4:
                yield module, "uuid4", lambda _: self.new_id
        for name in EXECUTORS:
            yield sys.modules[name], "ThreadPoolExecutor", lambda _: self._pool
        for name in LOCKS:
            yield sys.modules[name], "Lock", lambda _: lambda: Lock(self.threads)
        yield (
            sys.modules["cbr_warehouse.source.rate_limit"],
            "Condition",
            lambda _: lambda: Condition(self.threads),
        )
        yield (
            sys.modules["cbr_warehouse.extract.sweep_runner"],
            "as_completed",
            lambda _: lambda futures: as_completed(self.threads, futures),
        )
        publishing = sys.modules["cbr_warehouse.load.publish"]
        yield (
            publishing,
            "wait",
            lambda _: lambda futures, timeout, when: wait_first(self.threads, futures, timeout, when),
        )
        yield (
            cbr_warehouse.load.run,
            "publish_as_they_finish",
            lambda plain: partial(plain, monotonic=self._clocks.monotonic),
        )
        yield reusable_file, "_identity", self._identity
        yield os, "getpid", lambda _: lambda: 4242
        yield duckdb, "connect", lambda plain: partial(_connect_frugally, plain)

    def _pool(self, *args: Any, **named: Any) -> Pool:
        return Pool(self.threads, *args, **named)

    def _identity(self, plain: Any) -> Any:
        """Of a file: its size, and numbers that depend on nothing but the life for its time and inode."""

        def identity(path: Any) -> tuple[int, int, int] | None:
            found = plain(path)
            if found is None:
                return None
            size, changed_at, inode = found
            number = self._identities.setdefault((changed_at, inode), len(self._identities))
            return size, number, number

        return identity


def _connect_frugally(connect: Any, /, *words: Any, **options: Any) -> Any:
    return connect(*words, **options | {"config": {"threads": 1} | options.get("config", {})})
