"""A soak: loads every minute with the shipped settings, while one source fails and everything is killed.

Three sources with news and one that fails slowly all the while, in processes of their own; the code server
and the daemon of ``docs/deployment.md``, with ``cbr-warehouse dagster-home`` and a cron of a minute. In the
first minutes everything but the sources is killed with SIGKILL at once, and started again. It must hold that

- a healthy source has news at most ticks, or nothing would be shown;
- what a healthy source had at a tick is published within 60 seconds of it; of a tick that was killed, within
  60 seconds of the first tick after the restart;
- no run is stuck, and nothing is lost: in the end the warehouse has every task, and ``verify`` finds nothing;
- the memory of code server and daemon is flat.

With ``--untimed``, as in CI, the times are printed and not judged, since a machine may be slow or busy. What
was asked of it must be done in the end: all news are published, every run of before the last tick is over,
and the memory has not grown by half. It ends as soon as this holds, a hundred seconds after the last minute
at the latest; where importing Dagster takes several times as long as it should, after that many times more.

Run: python benchmarks/scheduled/soak.py --minutes 10; prints a table, and exits with 1 if that does not hold.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services import Installation, emulated
from watch import Sample, Tick, UnfinishedRun, Watch, served_by, unfinished_runs

HEALTHY = ("east", "north", "west")
SLOW = "slow"
MINUTE = 60
WITHIN_SECONDS = 60
IMPORT_SECONDS = 5.0
"""What the import of Dagster takes where 60 seconds hold; a machine that is slower or busier gets more."""

STUCK_AFTER_SECONDS = 150
"""A healthy load and a publication take some seconds; what is unfinished for so long hangs."""

UNTIMED_WAIT_SECONDS = 100
"""How long what is not done after the last minute is waited for where times are not judged."""

UNTIMED_IMPORT_SECONDS = 1.5
"""What the import of Dagster takes where that is long enough."""

SLOWEST = 3.0
"""How many times longer at most, on a machine that is busy."""

KILL_AT = (9, 22, 4, 35)
"""Seconds after a tick: during loads, during the publication, while runs are started, when all is quiet."""

MEMORY_GROWTH = 1.10
UNTIMED_MEMORY_GROWTH = 1.50
"""A slow machine is still importing after a minute."""

SETTLED_AFTER_SECONDS = 60
NEWS = ("--days", "1", "--tasks", "12000")
AHEAD_SECONDS = 10
"""Before its tick it is read what the sources serve: while a load runs they serve more than it can have."""

BUSY_FROM_MINUTE = 3
"""Minute of the hour at which the healthy sources' clocks begin: in the first half of an hour tasks begin."""

FAILING = ("--days", "1", "--tasks", "600", "--fault", "stall=0.6", "--fault", "stall_for=20s")
FAILING += ("--fault", "error_503=0.4")


class Soak:
    """One soak.

    Args:
        installation: The installation, not started yet.
        urls: The healthy sources.
        minutes: How long.
        kills: How often everything is killed.
        is_timed: Whether the times are judged.
    """

    def __init__(
        self, installation: Installation, urls: dict[str, str], minutes: int, kills: int, *, is_timed: bool
    ) -> None:
        self._installation = installation
        self._urls = urls
        self._watch = Watch(installation)
        self._is_timed = is_timed
        self._within_seconds = WITHIN_SECONDS
        self._memory_growth = MEMORY_GROWTH if is_timed else UNTIMED_MEMORY_GROWTH
        self._restarted_at = 0.0
        self._stuck: dict[str, UnfinishedRun] = {}
        # The first tick loads everything there is, and is left alone.
        self._kills = [(1 + number * 3 // 2, KILL_AT[number % len(KILL_AT)]) for number in range(kills)]
        self._minutes = minutes

    def run(self) -> list[str]:
        """Runs it and prints what is seen; gives what does not hold."""
        watcher = threading.Thread(target=self._watch.run, daemon=True)
        if self._is_timed:
            self._within_seconds = round(WITHIN_SECONDS * _slowness(IMPORT_SECONDS))
        limit = f"within {self._within_seconds} s" if self._is_timed else "no times are judged"
        print(f"{limit}; load average {os.getloadavg()[0]:.1f} before", flush=True)
        self._installation.start()
        self._restarted_at = time.time()
        watcher.start()
        begin = _next_minute(time.time())
        kills = sorted(begin + tick * MINUTE + after for tick, after in self._kills)
        for number in range(self._minutes):
            tick = begin + number * MINUTE
            _sleep_until(tick - AHEAD_SECONDS)
            self._watch.add_tick(tick, {name: served_by(url) for name, url in self._urls.items()})
            while kills and kills[0] < tick + MINUTE:
                self._kill(kills.pop(0))
            _sleep_until(tick + MINUTE - AHEAD_SECONDS)
            if self._is_timed:
                self._look_for_stuck_runs(time.time() - STUCK_AFTER_SECONDS)
            print(_line(number, begin, self._watch), flush=True)
        self._wait_and_look_for_stuck_runs(begin + self._minutes * MINUTE)
        self._watch.end()
        watcher.join()
        print("in the end:")
        for number in range(self._minutes):
            print(_times(number, begin, self._watch))
        return [*self._idle(), *self._late(), *self._left_over(), *self._lost(), *self._grown()]

    def _idle(self) -> list[str]:
        ticks = {name: [tick for tick in self._watch.ticks if tick.source == name] for name in HEALTHY}
        return [
            f"{name}: no news at more than half of its ticks, which shows nothing"
            for name, own in ticks.items()
            if 2 * sum(tick.news > 0 for tick in own) < len(own)
        ]

    def _wait_and_look_for_stuck_runs(self, end: float) -> None:
        """Waits for what the last minute, which ended at a time, has left to do."""
        if self._is_timed:
            _sleep_until(end + self._within_seconds)
            self._look_for_stuck_runs(time.time() - STUCK_AFTER_SECONDS)
            return
        _sleep_until(self._restarted_at + SETTLED_AFTER_SECONDS + MINUTE)  # the memory is sampled meanwhile
        self._wait_until_done(end - MINUTE, end + UNTIMED_WAIT_SECONDS)
        if self._is_unfinished(end - MINUTE):
            slowness = min(_slowness(UNTIMED_IMPORT_SECONDS), SLOWEST)
            self._wait_until_done(end - MINUTE, end + UNTIMED_WAIT_SECONDS * slowness)
        self._look_for_stuck_runs(end - MINUTE)

    def _wait_until_done(self, last_tick: float, until: float) -> None:
        while time.time() < until and self._is_unfinished(last_tick):
            time.sleep(1)

    def _is_unfinished(self, last_tick: float) -> bool:
        is_unpublished = any(tick.published_at is None for tick in self._watch.ticks)
        return is_unpublished or bool(self._unfinished(last_tick))

    def _kill(self, at: float) -> None:
        _sleep_until(at)
        count = self._installation.kill()
        print(f"{_clock(time.time())}  killed {count} processes", flush=True)
        self._installation.start()
        self._restarted_at = time.time()
        self._watch.postpone(_next_minute(self._restarted_at))
        print(f"{_clock(time.time())}  started again", flush=True)

    def _look_for_stuck_runs(self, before: float) -> None:
        self._stuck |= {run.run_id: run for run in self._unfinished(before)}

    def _unfinished(self, before: float) -> list[UnfinishedRun]:
        """Runs that go on though they were started, or began again with the installation, before a time."""
        return [
            run
            for run in unfinished_runs(self._installation)
            if max(run.created_at, self._restarted_at) < before
            and not (run.source == SLOW and run.created_at > self._restarted_at)
        ]

    def _late(self) -> list[str]:
        owed = [tick for tick in self._watch.ticks if tick.at != self._watch.ticks[0].at]
        return [
            f"{_clock(tick.at)}  {tick.source}: {tick.news} tasks published after {_seconds(tick)}"
            for tick in owed
            if tick.seconds is None or (self._is_timed and tick.seconds > self._within_seconds)
        ]

    def _left_over(self) -> list[str]:
        return [
            f"run {run.run_id} of {run.job} {run.source or ''} is stuck: {run.status} since "
            f"{_clock(run.created_at)}"
            for run in self._stuck.values()
        ]

    def _lost(self) -> list[str]:
        """Compares what the sources had at the last tick with what is published, and verifies the rest."""
        last = max(tick.at for tick in self._watch.ticks)
        found = [
            f"{tick.source}: {len(tick.wanted)} tasks of the last tick are not published"
            for tick in self._watch.ticks
            if tick.at == last and tick.published_at is None
        ]
        self._installation.kill()
        done = self._installation.run("cbr-warehouse", "verify", "--json", may_fail=True)
        findings = json.loads(done.stdout)["findings"]
        # The last loads were killed, too: what they had not come to is what the next load does.
        return found + [f"verify: {one['what']}" for one in findings if not one["check"].endswith("_behind")]

    def _grown(self) -> list[str]:
        """Compares memory a minute after the last start with that in the end."""
        settled = [
            one
            for one in self._watch.samples
            if one.at >= self._restarted_at + SETTLED_AFTER_SECONDS and len(one.resident) > 1
        ]
        if len(settled) < 2:
            return ["the memory was not sampled often enough"]
        first, last = (
            _mean(part) for part in (settled[: len(settled) // 4 + 1], settled[-(len(settled) // 4) - 1 :])
        )
        span = (settled[-1].at - settled[0].at) / MINUTE
        print(f"memory over the last {span:.1f} minutes: {_megabytes(first)}, then {_megabytes(last)}")
        return [
            f"{name} grew from {first[name] / 1e6:.0f} to {last[name] / 1e6:.0f} MB"
            for name in first
            if last[name] > first[name] * self._memory_growth
        ]


def _slowness(usual_seconds: float) -> float:
    """How many times longer than usual the import of Dagster takes; at least 1."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import dagster"], check=True)
    return max(1.0, (time.monotonic() - began) / usual_seconds)


def _line(number: int, begin: float, watch: Watch) -> str:
    """The row of a tick, a minute later."""
    memory = _megabytes(watch.samples[-1].resident) if watch.samples else ""
    return f"{_times(number, begin, watch)}  {memory}  load {os.getloadavg()[0]:.1f}"


def _times(number: int, begin: float, watch: Watch) -> str:
    """A tick, with the seconds until the news of each source was published, and how many tasks those were."""
    at = begin + number * MINUTE
    ticks = {tick.source: tick for tick in watch.ticks if tick.at == at}
    cells = [f"{name} {_seconds(ticks[name]):>6} ({ticks[name].news})" for name in HEALTHY]
    return f"{_clock(at)}  {'  '.join(cells)}"


def _seconds(tick: Tick) -> str:
    if tick.news == 0:
        return "none"
    return "never" if tick.seconds is None else f"{tick.seconds:.0f} s"


def _megabytes(resident: dict[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sorted(resident.items()))


def _mean(samples: Sequence[Sample]) -> dict[str, int]:
    names = samples[0].resident.keys()
    return {name: sum(one.resident.get(name, 0) for one in samples) // len(samples) for name in names}


def _next_minute(at: float) -> float:
    return (at // MINUTE + 1) * MINUTE


def _busy_time(now: datetime) -> datetime:
    """The latest time, not after now, at which an hour's tasks are just beginning."""
    return now - timedelta(minutes=(now.minute - BUSY_FROM_MINUTE) % 60)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.time()))


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))


def main() -> None:
    """Reads the command line, and runs a soak in a temporary folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=10, help="ticks of a minute (10)")
    parser.add_argument(
        "--kills", type=int, help="how often everything is killed (4; of less than 8 minutes 1)"
    )
    parser.add_argument("--untimed", action="store_true", help="judge no times: for machines that are busy")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs of the processes")
    arguments = parser.parse_args()
    kills = (4 if arguments.minutes >= 8 else 1) if arguments.kills is None else arguments.kills
    folder = Path(tempfile.mkdtemp(prefix="cbr-warehouse-soak-"))
    installation = Installation(folder)
    busy = f"{_busy_time(datetime.now(UTC)):%Y-%m-%dT%H:%M:%SZ}"
    with ExitStack() as running:
        urls = {
            name: running.enter_context(emulated(*NEWS, "--now", busy, "--seed", str(seed)))
            for seed, name in enumerate(HEALTHY, start=1)
        }
        slow = running.enter_context(emulated(*FAILING))
        sources = [
            {"name": name, "endpoint": url, "history": "2d"} for name, url in (urls | {SLOW: slow}).items()
        ]
        installation.configure(sources, schedule="* * * * *")
        try:
            soak = Soak(installation, urls, arguments.minutes, kills, is_timed=not arguments.untimed)
            wrong = soak.run()
        finally:
            installation.kill()
    if not arguments.keep and not wrong:
        shutil.rmtree(folder)
    else:
        print(f"kept: {folder}")
    print("\n".join(wrong) or f"{arguments.minutes} minutes, {kills} kills: all of it holds")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
