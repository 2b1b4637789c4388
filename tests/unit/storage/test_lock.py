"""Locks: exclusive, fair, reported; on a full disk, or on a file system without locks, a sentence."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.storage.lock import hold_lock

pytestmark = pytest.mark.fault("locks")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def refusing(code: int) -> Callable[..., None]:
    def refuse(*_words: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize(
    ("room", "name", "code"), [(os, "pwrite", errno.ENOSPC), (fcntl, "flock", errno.ENOLCK)]
)
def test_what_the_system_refuses_is_told_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: ModuleType, name: str, code: int
) -> None:
    """It was an unexpected error, with a request to report it."""
    path = tmp_path / ".load.lock"
    with monkeypatch.context() as patched:
        patched.setattr(room, name, refusing(code))
        with (
            pytest.raises(StorageError, match=os.strerror(code)),
            hold_lock(path, what="a test", now=NOW, wait=False),
        ):
            pytest.fail("it is not held")
    with hold_lock(path, what="a test", now=NOW, wait=False):
        assert "a test" in path.read_text()


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work(number: int) -> None:
        with hold_lock(tmp_path / "a.lock", what=f"work {number}", now=NOW, wait=True):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.01)
            inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert most == [1]


def test_who_waits_longest_is_next(tmp_path: Path) -> None:
    """One that let go and asked again at once got it again: those that waited looked twice a second."""
    path, served = tmp_path / "a.lock", []

    def wait(name: str) -> None:
        with hold_lock(path, what=name, now=NOW, wait=True):
            served.append(name)

    names = [f"waiter {number}" for number in range(5)]
    with ThreadPoolExecutor(len(names)) as pool:
        with hold_lock(path, what="the first", now=NOW, wait=True):
            for name in names:
                pool.submit(wait, name)
                time.sleep(0.1)
        wait("again")
    assert served == [*names, "again"]


def test_a_lock_that_is_free_soon_is_had_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source of a load waited for 50 ms, several times, for one that had the lock for a few."""
    path, paused = tmp_path / "a.lock", []
    with ExitStack() as holder:
        holder.enter_context(hold_lock(path, what="the first", now=NOW, wait=True))

        def sleep(seconds: float) -> None:
            paused.append(seconds)
            if len(paused) == 6:
                holder.close()

        monkeypatch.setattr(time, "sleep", sleep)
        with hold_lock(path, what="the next", now=NOW, wait=True):
            pass
    assert paused == [0.005, 0.01, 0.02, 0.04, 0.05, 0.05]


def test_a_process_that_died_while_it_waited_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    waits = (
        "import sys, pathlib, datetime; from cbr_warehouse.storage.lock import hold_lock\n"
        f"with hold_lock(pathlib.Path({str(path)!r}), what='w', now=datetime.datetime.now(), wait=True): pass"
    )
    with hold_lock(path, what="the first", now=NOW, wait=True):
        process = subprocess.Popen([sys.executable, "-c", waits], env=os.environ)
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("*.queue/*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
    began = time.monotonic()
    with hold_lock(path, what="the next", now=NOW, wait=True):
        assert time.monotonic() - began < 5
    assert not list(tmp_path.glob("*.queue/*"))


def test_what_is_waited_for_is_reported_once_a_minute(tmp_path: Path) -> None:
    path, reports = tmp_path / "a.lock", []
    with ThreadPoolExecutor(1) as pool:

        def wait() -> None:
            with hold_lock(path, what="second", now=NOW, wait=True, report=reports.append):
                pass

        with hold_lock(path, what="load of prod", now=NOW, wait=True):
            waiting = pool.submit(wait)
            time.sleep(0.5)
        waiting.result()
    assert reports == [f"waiting for load of prod (process {os.getpid()}), since 2026-11-20T12:00:00+00:00"]


def test_one_that_does_not_wait_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with (
        hold_lock(path, what="load of prod", now=NOW, wait=False),
        pytest.raises(LoadRunningError, match=r"load of prod \(process \d+\), since 2026-11-20T12:00:00"),
        hold_lock(path, what="second", now=NOW, wait=False),
    ):
        pytest.fail("it is held twice")


def test_the_lock_file_does_not_follow_a_symbolic_link(tmp_path: Path) -> None:
    """Whoever may write the folder could have any file of the user's emptied."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.lock").symlink_to(victim)
    with (
        pytest.raises(StorageError, match="symbolic link"),
        hold_lock(tmp_path / "a.lock", what="a test", now=NOW, wait=False),
    ):
        pytest.fail("it is held")
    assert victim.read_text() == "precious"
