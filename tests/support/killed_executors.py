"""Shares whose executor is killed, like ``kill -9``, before or after they are computed, by themselves."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cbr_warehouse.tables import shares
from cbr_warehouse.warehouse import source_files
from cbr_warehouse.warehouse.source_files import MadeFile, SourceFile

S = TypeVar("S")
R = TypeVar("R")

KILLS = "kills"
"""A folder in the data directory, with one for each function of those below: there, a file for each kill that
is still to come, ``before-N`` or ``after-N``.
"""

DANGEROUS = ("make_days", "make_own", "make_by_key", "make_rest")
"""The functions below, each of which does what the one of the same name does."""


def ask_for_kills(root: Path, number: int) -> None:
    """Asks for some kills, spread over the functions, and over before and after them.

    Args:
        root: The data directory.
        number: How many.
    """
    for kill in range(number):
        folder = root / KILLS / DANGEROUS[kill % len(DANGEROUS)]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{('before', 'after')[kill // len(DANGEROUS) % 2]}-{kill}").touch()


def kills_left(root: Path) -> list[Path]:
    """The kills that did not happen."""
    return [path for path in (root / KILLS).rglob("*") if path.is_file()]


def make_days(share: shares.Batch) -> shares.MadeDays:
    """As on any worker, but the executor may die before the work, or after it and before the answer."""
    return _dangerous(shares.make_days, share, share.own.directory.root)


def make_own(share: SourceFile) -> MadeFile:
    """Likewise."""
    return _dangerous(source_files.make_own, share, share.directory.root)


def make_by_key(share: SourceFile) -> MadeFile:
    """Likewise."""
    return _dangerous(source_files.make_by_key, share, share.directory.root)


def make_rest(share: SourceFile) -> MadeFile:
    """Likewise."""
    return _dangerous(source_files.make_rest, share, share.directory.root)


def _dangerous(work: Callable[[S], R], share: S, root: Path) -> R:
    folder = root / KILLS / work.__name__
    _die_if_asked(folder, "before")
    made = work(share)
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
