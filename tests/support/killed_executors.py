"""Shares whose executor is killed, like ``kill -9``, before or after they are computed, by themselves."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from cbr_warehouse.tables import shares

KILLS = "kills"
"""A folder in the data directory: a file for each kill that is still to come, ``before-N`` or ``after-N``."""


def make_days(share: shares.Batch) -> shares.MadeDays:
    """As on any worker, but the executor may die before the work, or after it and before the answer."""
    folder = share.own.directory.root / KILLS
    _die_if_asked(folder, "before")
    made = shares.make_days(share)
    _die_if_asked(folder, "after")
    return made


def _die_if_asked(folder: Path, moment: str) -> None:
    for kill in folder.glob(f"{moment}-*"):
        with suppress(FileNotFoundError):  # another share took it
            kill.unlink()
            os.kill(_executor(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def _executor() -> int:
    """The JVM that this process was started for: Spark starts a daemon, which forks a process a core."""
    status = Path(f"/proc/{os.getppid()}/status").read_text(encoding="ascii")
    parent = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))
    command = Path(f"/proc/{parent}/cmdline").read_bytes()
    assert b"CoarseGrainedExecutorBackend" in command, (sys.argv, command)
    return int(parent)
