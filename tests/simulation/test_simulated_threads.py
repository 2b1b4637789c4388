"""One thread runs at a time, and the seed chooses which."""

from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest

from simulation.clocks import Clocks
from simulation.threads import Condition, DeadlockError, KilledError, Lock, Pool, Threads, as_completed

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


def order(seed: int) -> list[str]:
    """The order in which three threads of two steps each take their turns."""
    clocks = Clocks(BEGIN)
    threads = Threads(Random(seed), clocks)
    taken: list[str] = []

    def work(name: str) -> None:
        taken.append(name)
        threads.sleep(1)
        taken.append(name)

    with Pool(threads, 3) as pool:
        for future in as_completed(threads, [pool.submit(work, name) for name in "abc"]):
            future.result()
    assert clocks.monotonic() == pytest.approx(1)
    return taken


def test_the_seed_chooses_the_order() -> None:
    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 3
    assert all(sorted(order(seed)) == sorted("aabbcc") for seed in range(20))


def test_a_dead_process_ends_all_its_threads() -> None:
    threads = Threads(Random(1), Clocks(BEGIN))
    ended = []

    def work() -> None:
        try:
            threads.sleep(100)
        finally:
            ended.append(True)

    def kill() -> None:
        threads.sleep(1)
        threads.is_killed = True
        raise KilledError

    pool = Pool(threads, 4)
    futures = [pool.submit(one) for one in (work, kill, work)]
    with pytest.raises(KilledError):
        next(as_completed(threads, futures))
    threads.drain()
    assert ended == [True, True]


def test_a_lock_keeps_others_out_while_its_holder_sleeps() -> None:
    threads = Threads(Random(3), Clocks(BEGIN))
    lock, inside = Lock(threads), []

    def work(name: str) -> None:
        with lock:
            inside.append(name)
            threads.sleep(1)
            inside.append(name)

    with Pool(threads, 3) as pool:
        assert list(pool.map(work, "abc")) == [None] * 3
    assert inside[0::2] == inside[1::2]


def test_threads_that_all_wait_are_a_failure() -> None:
    threads = Threads(Random(1), Clocks(BEGIN))
    condition = Condition(threads)
    with pytest.raises(DeadlockError):
        condition.wait()
    with pytest.raises(DeadlockError):
        threads.wait_until(partial(bool, 0))
