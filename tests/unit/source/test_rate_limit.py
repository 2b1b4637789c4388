"""One budget for all threads: how many requests at once, how many a second, and pauses for everyone."""

import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.source.rate_limit import RateLimiter


def throttle(world, per_second: float | None = None) -> RateLimiter:
    return RateLimiter("prod-eu", per_second, world.monotonic, world.sleep)


def succeed(limited: RateLimiter, times: int = 1) -> None:
    for _ in range(times):
        with limited.slot() as slot:
            slot.succeed()


def rejected(limited: RateLimiter) -> None:
    with limited.slot() as slot:
        slot.rejected()


def test_it_starts_low_grows_slowly_and_ends_somewhere(world) -> None:
    limited = throttle(world)
    assert limited.limit == 2
    seen = []
    for _ in range(60):
        succeed(limited)
        seen.append(limited.limit)
    assert seen == sorted(seen)
    assert seen[0] == 2
    assert seen[-1] == 8


def test_a_failure_that_is_no_refusal_changes_nothing(world) -> None:
    limited = throttle(world)
    for _ in range(20):
        with limited.slot():
            pass
    assert limited.limit == 2


def test_it_halves_and_never_stops(world) -> None:
    limited = throttle(world)
    succeed(limited, 60)
    seen = [limited.limit]
    for _ in range(5):
        rejected(limited)
        seen.append(limited.limit)
    assert seen == [8, 4, 2, 1, 1, 1]
    succeed(limited, 3)
    assert limited.limit == 2


def test_requests_refused_together_halve_once(world) -> None:
    limited = throttle(world)
    succeed(limited, 60)
    with ExitStack() as together:
        for slot in [together.enter_context(limited.slot()) for _ in range(8)]:
            slot.rejected()
    assert limited.limit == 4
    rejected(limited)
    assert limited.limit == 2


def test_no_more_run_at_once_than_allowed(world) -> None:
    limited = throttle(world)
    running, most, lock = [], [], threading.Lock()

    def work() -> None:
        with limited.slot():
            with lock:
                running.append(1)
                most.append(len(running))
            time.sleep(0.002)
            with lock:
                running.pop()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 12
    assert max(most) == 2


def test_a_request_that_fails_gives_its_place_back(world) -> None:
    limited = throttle(world)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt), limited.slot():
            raise KeyboardInterrupt
    succeed(limited)


@pytest.mark.parametrize(("per_second", "seconds"), [(10, 0.9), (0.5, 18)])
def test_requests_are_spaced_out(world, per_second: float, seconds: float) -> None:
    limited = throttle(world, per_second)
    succeed(limited, 10)
    assert world.monotonic() == pytest.approx(seconds)


def test_time_without_requests_is_not_saved_up(world) -> None:
    limited = throttle(world, 1)
    succeed(limited)
    world.sleep(100)
    succeed(limited, 3)
    assert world.monotonic() == pytest.approx(102)


def test_a_pause_holds_for_who_comes_next_and_who_waits_already(world) -> None:
    limited = throttle(world, 1)
    succeed(limited)
    limited.pause(30)
    limited.pause(10)
    with limited.slot() as slot:
        assert world.monotonic() == 30
        assert slot.waited_seconds == 30


def test_a_source_that_asks_to_wait_gets_its_rest_from_everyone(world) -> None:
    asked_at = []

    def script(_: httpx.Request) -> httpx.Response:
        asked_at.append(world.monotonic())
        is_first = len(asked_at) == 1
        return httpx.Response(429, headers={"Retry-After": "60"}) if is_first else world.page()

    def ask(offset: int) -> None:
        client.list_tasks(TaskQuery(), limit=1, offset=offset)

    world.meanwhile.append(lambda: ask(1))
    client = world.client(script)
    ask(0)
    assert asked_at[0] == 0
    assert asked_at[1] == pytest.approx(60)
    assert len(asked_at) == 3


def test_waiting_for_ones_turn_does_not_use_up_the_budget(world) -> None:
    """With one request in 20 minutes the tenth would otherwise fail before it began."""
    client = world.client(lambda _: world.page(), max_requests_per_second=1 / 1200)
    for offset in range(10):
        client.list_tasks(TaskQuery(), limit=1, offset=offset)
    assert world.monotonic() == pytest.approx(9 * 1200)
