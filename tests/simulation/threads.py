"""Threads of which one runs at a time, and the seed chooses which: at each request, sleep and wait.

They are threads of the system, so that the load's code runs as it is. What it takes from ``threading`` and
``concurrent.futures`` to wait for one another is replaced by what is here.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future
from itertools import count
from random import Random
from typing import Any, Self

from simulation.clocks import Clocks


class KilledError(BaseException):
    """The simulated process is dead. No code of the load may continue after it."""


class DeadlockError(BaseException):
    """Every thread waits for another."""


class _Thread:
    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.is_ready: Callable[[], bool] = lambda: True
        self.due: float | None = None


class Threads:
    """The threads of one simulated process; the first is the one that makes this.

    Args:
        random: Chooses who runs next.
        clocks: Moves on when all sleep.

    Attributes:
        is_killed: Whether the process is dead: each thread ends at its next wait.
    """

    def __init__(self, random: Random, clocks: Clocks) -> None:
        self._random = random
        self._clocks = clocks
        self._first = self._current = _Thread()
        self._alive = [self._first]
        self._is_deadlocked = False
        self._finished = count()
        self.is_killed = False

    def sleep(self, seconds: float) -> None:
        """Lets others run for some simulated seconds at least."""
        self.wait_until(lambda: False, seconds)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float | None = None) -> None:
        """Lets others run until something is so, or some simulated seconds have passed."""
        me = self._current
        me.is_ready = is_ready
        me.due = None if seconds is None else self._clocks.monotonic() + max(0.0, seconds)
        chosen = self._choose()
        if chosen is not me:
            self._resume(chosen)
            me.turn.acquire()
        if self.is_killed:
            raise KilledError
        if self._is_deadlocked:
            raise DeadlockError("every thread waits for another")

    def start(self, work: Callable[[], None]) -> None:
        """Starts a thread; it runs when it is chosen."""
        thread = _Thread()
        self._alive.append(thread)

        def run() -> None:
            thread.turn.acquire()
            try:
                if not self.is_killed:
                    work()
            except (KilledError, DeadlockError):
                pass
            finally:
                self._alive.remove(thread)
                self._resume(self._choose())

        threading.Thread(target=run, daemon=True).start()

    def drain(self) -> None:
        """Lets all other threads end, once the process is dead or its work done."""
        while len(self._alive) > 1:
            me = self._first
            me.is_ready, me.due = (lambda: len(self._alive) == 1), None
            self._resume(self._choose())
            me.turn.acquire()

    def number_finished(self, future: "Future[Any]") -> None:
        """Notes the order in which work is done."""
        future.finished = next(self._finished)  # type: ignore[attr-defined]

    def _resume(self, thread: _Thread) -> None:
        self._current = thread
        thread.turn.release()

    def _choose(self) -> _Thread:
        ready = self._ready()
        if not ready and (dues := [one.due for one in self._alive if one.due is not None]):
            self._clocks.advance(min(dues) - self._clocks.monotonic())
            ready = self._ready()
        if not ready:
            self._is_deadlocked = True
            ready = self._alive
        return ready[0] if len(ready) == 1 else self._random.choice(ready)

    def _ready(self) -> list[_Thread]:
        if self.is_killed:
            # The first ends last: it drains the others.
            return self._alive[1:] or self._alive
        now = self._clocks.monotonic() + 2e-6  # simulated time has whole microseconds
        return [one for one in self._alive if one.is_ready() or (one.due is not None and one.due <= now)]


class Pool:
    """Stands in for ``ThreadPoolExecutor``.

    Args:
        threads: The threads of the process.
        max_workers: How many of them the pool has at most.
        thread_name_prefix: Has no effect.
        initializer: Called in each before its work.
        initargs: Its arguments.
    """

    def __init__(
        self,
        threads: Threads,
        max_workers: int,
        thread_name_prefix: str = "",
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self._threads = threads
        self._most = max_workers
        self._initialize = (lambda: initializer(*initargs)) if initializer else (lambda: None)
        self._queue: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._workers = self._idle = 0
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        """Work for the next free thread."""
        future: Future[Any] = Future()
        self._queue.append((future, lambda: work(*args, **named)))
        if self._workers < self._most and self._idle < len(self._queue):
            self._workers += 1
            self._threads.start(self._serve)
        return future

    def map(self, work: Callable[..., Any], *values: Iterable[Any]) -> Iterator[Any]:
        """The results in the order of the values."""
        futures = [self.submit(work, *one) for one in zip(*values, strict=True)]
        return (self._result(future) for future in futures)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more work; what was submitted is done, or cancelled."""
        self._is_closed = True
        if cancel_futures:
            for future, _ in self._queue:
                future.cancel()
            self._queue.clear()
        if wait:
            self._threads.wait_until(lambda: self._workers == 0)

    def _result(self, future: "Future[Any]") -> Any:
        self._threads.wait_until(future.done)
        return future.result()

    def _serve(self) -> None:
        try:
            self._initialize()
            while True:
                if not self._queue:
                    self._idle += 1
                    self._threads.wait_until(lambda: bool(self._queue) or self._is_closed)
                    self._idle -= 1
                if not self._queue:
                    return
                future, work = self._queue.pop(0)
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
                    if isinstance(error, KilledError):
                        raise
                finally:
                    self._threads.number_finished(future)
        finally:
            self._workers -= 1


def as_completed(threads: Threads, futures: Iterable["Future[Any]"]) -> Iterator["Future[Any]"]:
    """Stands in for the function of ``concurrent.futures``."""
    left = list(futures)
    while left:
        threads.wait_until(lambda: any(future.done() for future in left))
        done = [future for future in left if future.done()]
        first = min(done, key=lambda future: getattr(future, "finished", -1))
        left.remove(first)
        yield first


def wait_first(
    threads: Threads, futures: Iterable["Future[Any]"], timeout: float | None, _when: str = FIRST_COMPLETED
) -> tuple[set["Future[Any]"], set["Future[Any]"]]:
    """Stands in for ``concurrent.futures.wait``, until the first is done."""
    running = set(futures)
    threads.wait_until(lambda: any(future.done() for future in running), timeout)
    done = {future for future in running if future.done()}
    return done, running - done


class Lock:
    """Stands in for ``threading.Lock`` where its holder may wait for a response."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._is_held = False

    def __enter__(self) -> None:
        if self._is_held:
            self._threads.wait_until(lambda: not self._is_held)
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False


class Condition:
    """Stands in for ``threading.Condition``: no other thread runs before its holder waits."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._notified = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self) -> None:
        """Waits until it is notified."""
        before = self._notified
        self._threads.wait_until(lambda: self._notified > before)

    def notify_all(self) -> None:
        """Wakes all that wait."""
        self._notified += 1
