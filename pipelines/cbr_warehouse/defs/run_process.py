"""Whether the process of a run is alive, as far as this machine can tell.

Of runs that Dagster's default launcher started: their processes are children of the code server, in which the
schedules and sensors that ask are evaluated too. Of other launchers' runs, and on systems without ``/proc``,
nothing is known.
"""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

START_UP = timedelta(seconds=30)
"""How long a process that was launched may take to report itself, where its code server is gone already."""

_STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
_EXACT = timedelta(seconds=2)
"""Start times of processes are no more precise, since the system adds them to the time of its boot."""

_PROCESSES = Path("/proc")


def is_process_alive(run: dg.DagsterRun, logged: Sequence[dg.EventLogEntry], now: datetime) -> bool | None:
    """Whether the process of a run exists; None if that is not known.

    Args:
        run: The run.
        logged: Its events.
        now: The present, UTC.
    """
    if GRPC_INFO_TAG not in run.tags or not logged:  # not handed to a code server by the default launcher
        return None
    for entry in reversed(logged):
        if found := _STARTED.match(entry.message):
            started_at = _start_of(int(found[1]))
            if started_at is None:
                return False if _is_known() else None
            # Another one that began later has its number by chance, as after a restart of the machine.
            return started_at.timestamp() <= entry.timestamp + _EXACT.total_seconds()
    if run.status is not dg.DagsterRunStatus.STARTING:
        return None
    launched_at = datetime.fromtimestamp(logged[-1].timestamp, UTC)
    own_start = _start_of(os.getpid())
    is_server_gone = own_start is not None and own_start > launched_at + _EXACT
    return False if is_server_gone and now - launched_at > START_UP else None


def _is_known() -> bool:
    """Whether this system shows its processes."""
    return _start_of(os.getpid()) is not None


def _start_of(process_id: int) -> datetime | None:
    """When a process was started, UTC; None if there is none, or if it has ended."""
    try:
        text = (_PROCESSES / str(process_id) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before may have spaces
    if state in {"Z", "X"}:
        return None
    return _booted_at() + timedelta(seconds=int(fields[18]) / os.sysconf("SC_CLK_TCK"))


@cache
def _booted_at() -> datetime:
    lines = (_PROCESSES / "stat").read_text(encoding="ascii").splitlines()
    seconds = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    return datetime.fromtimestamp(seconds, UTC)
