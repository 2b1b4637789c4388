"""Fixtures of the tests that run the real command against a real server."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.command_line import Workplace
from support.emulator_server import serve
from support.frugal import VARIABLE


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def emulate() -> Iterator[Callable[..., str]]:
    """Starts emulators for the duration of the test, with options of the command.

    In the test's own process: the commands that load from them are others, and to start one takes longer
    than most of them are asked for.
    """
    with ExitStack() as stack:
        yield lambda *words: stack.enter_context(serve(*words))


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The data directory of a small demo, created by the first worker that needs it; only read."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if hasattr(request.config, "workerinput") else base) / "small-demo"
    shared.mkdir(exist_ok=True)
    workplace = Workplace(shared)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            wanted = ("demo", "--tasks", "4000", "--days", "20", "--seed", "7")
            done = workplace.run(*wanted, **{VARIABLE: ""})  # as shipped, whichever test is the first
            assert done.status == 0, done.err
            (shared / "done").touch()
    return workplace.data
