"""A day of loads, request by request: processes, the pace of each project, and the quota of each user.

A discrete simulation in one thread. Permits, pace and the reduction after a 429 are ``RateLimiters`` and
``SharedPace``; waits and the end of retries are those of ``retry``. Both are called as threads call them, at
the simulated instant of each request. What one of them learns while another sleeps in a permit is not seen: a
request keeps the start that its permit gave it.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from estate import ModelSource
from planning import LoadNeeds

from cbr_warehouse.extract.sweep_runner import WORKERS
from cbr_warehouse.load.publish import SOON_SECONDS
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.rate_limit import RateLimiter, RateLimiters
from cbr_warehouse.source.retry import MAX_ATTEMPTS, backoff_seconds
from cbr_warehouse.source.runtime import Runtime, Timeouts


@dataclass(frozen=True)
class Site:
    """What loads run on, and what it is known to cost.

    Attributes:
        processes: Processes, each with its own data directory and share of the sources.
        sources_at_once: Sources that a process loads side by side.
        quota: Requests that a user may send in a quota window.
        quota_seconds: Length of that window.
        latency_seconds: Median time of a response.
        quiet_cpu_seconds: CPU time of a load without news, of one source among others.
        task_cpu_seconds: CPU time for each record that is new.
        publication_seconds: Time of a publication of a file of this many tasks.
    """

    processes: int
    sources_at_once: int
    quota: int
    quota_seconds: float
    latency_seconds: float
    quiet_cpu_seconds: float
    task_cpu_seconds: float
    publication_seconds: Callable[[float], float]


@dataclass
class Done:
    """One load as it went.

    Attributes:
        needs: What it had to ask for.
        began_at: Seconds since the start of the simulation; None if it was left out, since the load
            before it still ran.
        ended_at: When its tables were made.
        published_at: When its data were published.
        waited_seconds: Time that its requests waited: for permits, and after a 429.
        rejected: Its requests that were answered 429.
        has_failed: Whether a request was given up.
    """

    needs: LoadNeeds
    began_at: float | None = None
    ended_at: float | None = None
    published_at: float | None = None
    waited_seconds: float = 0.0
    rejected: int = 0
    has_failed: bool = False


@dataclass
class _Load:
    done: Done
    process: int
    tick: "_Tick"
    limiter: RateLimiter
    user: int
    swept: int
    counted: int
    in_flight: int = 0


@dataclass
class _Tick:
    waiting: deque["_Load"] = field(default_factory=deque)
    free: int = 0


@dataclass
class _Request:
    load: _Load
    asked_at: float
    began_at: float
    attempts: int = 0
    sent_at: float = 0.0
    permit: Any = None
    slot: Any = None
    is_accepted: bool = False


@dataclass
class _Process:
    core_free_at: float = 0.0
    publishes_at: float | None = None
    publication_free_at: float = 0.0
    cpu_seconds: float = 0.0
    tasks: float = 0.0
    finished: list[Done] = field(default_factory=list)


class Simulation:
    """Simulates loads of some sources.

    Args:
        site: Where they run.
        sources: The sources.
        tasks_held: Tasks that each source has in the warehouse.
        folder: Where the shared pace of projects is kept.
        seed: Of latencies and jitter.
    """

    def __init__(
        self, site: Site, sources: Sequence[ModelSource], tasks_held: Sequence[float], folder: Path, seed: int
    ) -> None:
        self._site = site
        self._sources = {source.number: source for source in sources}
        self._now = 0.0
        self._random = Random(seed)  # noqa: S311  a simulation
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        runtime = Runtime(sleep=self._sleep, monotonic=lambda: self._now, random=self._random)
        limiters = RateLimiters(folder)
        self._limiters = {
            source.number: limiters.of(_settings(source), runtime) for source in self._sources.values()
        }
        self._held_back: dict[int, deque[_Request]] = {}
        self._permits: Counter[int] = Counter()
        self._quota: dict[tuple[int, int], int] = {}
        self._running: set[int] = set()
        self._processes = [_Process() for _ in range(site.processes)]
        for position, held in enumerate(tasks_held):
            self._processes[position % site.processes].tasks += held
        self.sent: dict[tuple[int, int], int] = {}
        """Requests by user and hour, rejected ones included."""

    @property
    def cpu_seconds(self) -> list[float]:
        """CPU time of each process."""
        return [process.cpu_seconds for process in self._processes]

    def run(self, hours: Sequence[Sequence[LoadNeeds]]) -> list[Done]:
        """Simulates loads that start at full hours.

        Args:
            hours: The loads of each hour, in the order of the configuration.

        Returns:
            The loads, in that order.
        """
        done = [[Done(needs) for needs in loads] for loads in hours]
        for hour, loads in enumerate(done):
            self._at(hour * 3600.0, lambda loads=loads: self._tick(loads))  # type: ignore[misc]
        while self._events:
            at, _, action = heapq.heappop(self._events)
            self._now = at
            action()
        return [one for loads in done for one in loads]

    def _sleep(self, seconds: float) -> None:
        self._now += seconds

    def _at(self, at: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), action))

    def _tick(self, loads: Sequence[Done]) -> None:
        for number in range(self._site.processes):
            tick = _Tick(free=self._site.sources_at_once)
            for done in loads[number :: self._site.processes]:
                source = self._sources[done.needs.source]
                tick.waiting.append(
                    _Load(
                        done,
                        number,
                        tick,
                        self._limiters[source.number],
                        source.user,
                        done.needs.swept,
                        done.needs.counted,
                    )
                )
            self._fill(tick)

    def _fill(self, tick: _Tick) -> None:
        while tick.free and tick.waiting:
            load = tick.waiting.popleft()
            number = load.done.needs.source
            if number in self._running:
                continue  # left out: another process is loading it
            self._running.add(number)
            tick.free -= 1
            load.done.began_at = self._now
            self._ask(load)

    def _ask(self, load: _Load) -> None:
        """Starts as many requests of a load as its workers may: sweeps side by side, then counts."""
        while load.swept and load.in_flight < WORKERS:
            load.swept -= 1
            self._begin(load)
        if not load.swept and not load.in_flight and load.counted:
            load.counted -= 1
            self._begin(load)

    def _begin(self, load: _Load) -> None:
        load.in_flight += 1
        self._attempt(_Request(load, self._now, self._now))

    def _attempt(self, request: _Request) -> None:
        self._held_back.setdefault(id(request.load.limiter), deque()).append(request)
        self._permit(request.load.limiter)

    def _permit(self, limiter: RateLimiter) -> None:
        present, waiting = self._now, self._held_back[id(limiter)]
        while waiting and self._permits[id(limiter)] < limiter.limit:
            request = waiting.popleft()
            request.permit = limiter.slot()
            request.slot = request.permit.__enter__()
            self._permits[id(limiter)] += 1
            starts_at, self._now = self._now, present
            # Waiting for a permit is not part of a request's budget.
            request.began_at += starts_at - present
            self._at(starts_at, lambda request=request: self._send(request))  # type: ignore[misc]

    def _send(self, request: _Request) -> None:
        load, now = request.load, self._now
        request.attempts += 1
        request.sent_at = now
        window = (load.user, int(now // self._site.quota_seconds))
        self._quota[window] = self._quota.get(window, 0) + 1
        hour = (load.user, int(now // 3600))
        self.sent[hour] = self.sent.get(hour, 0) + 1
        request.is_accepted = self._quota[window] <= self._site.quota
        latency = self._site.latency_seconds * self._random.lognormvariate(0.0, 0.5)
        self._at(now + (latency if request.is_accepted else 0.05), lambda: self._answered(request))

    def _answered(self, request: _Request) -> None:
        load = request.load
        if request.is_accepted:
            request.slot.succeed()
        else:
            request.slot.rejected()
        request.permit.__exit__(None, None, None)
        self._permits[id(load.limiter)] -= 1
        self._permit(load.limiter)
        if request.is_accepted:
            load.done.waited_seconds += request.sent_at - request.asked_at
            self._ended(load)
            return
        load.done.rejected += 1
        wait = backoff_seconds(request.attempts, is_rate_limited=True, random=self._random)
        spent = self._now - request.began_at
        if request.attempts >= MAX_ATTEMPTS or spent + wait > Timeouts().budget_seconds:
            load.done.has_failed = True
            load.swept = load.counted = 0
            self._ended(load)
            return
        self._at(self._now + wait, lambda: self._attempt(request))

    def _ended(self, load: _Load) -> None:
        load.in_flight -= 1
        if load.swept or load.counted:
            self._ask(load)
        elif not load.in_flight:
            self._store(load)

    def _store(self, load: _Load) -> None:
        """Landing, tables and verification: the one core that a process has use for."""
        process, needs = self._processes[load.process], load.done.needs
        cpu = self._site.quiet_cpu_seconds + needs.new * self._site.task_cpu_seconds
        process.cpu_seconds += cpu
        process.core_free_at = max(self._now, process.core_free_at) + cpu
        self._at(process.core_free_at, lambda: self._stored(load))

    def _stored(self, load: _Load) -> None:
        load.done.ended_at = self._now
        self._running.discard(load.done.needs.source)
        load.tick.free += 1
        self._fill(load.tick)
        process = self._processes[load.process]
        process.finished.append(load.done)
        if process.publishes_at is None:
            process.publishes_at = max(self._now + SOON_SECONDS, process.publication_free_at)
            self._at(process.publishes_at, lambda: self._publish(process))

    def _publish(self, process: _Process) -> None:
        took = self._site.publication_seconds(process.tasks)
        for done in process.finished:
            done.published_at = self._now + took
        process.finished = []
        process.publishes_at = None
        # No more than half of the time is spent with publishing.
        process.publication_free_at = self._now + took + max(SOON_SECONDS, took)


def _settings(source: ModelSource) -> SourceSettings:
    return SourceSettings.model_validate(
        {
            "name": f"s{source.number}",
            "endpoint": "https://cbr.example",
            "project_id": f"{source.number:032x}",
            "token": "env:CBR_TOKEN",
            "max_requests_per_second": source.max_per_second,
        }
    )
