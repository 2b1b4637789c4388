"""Fixtures of the tests that run the real command against a real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.command_line import Workplace, serve


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def emulate() -> Iterator[Callable[..., str]]:
    """Starts emulators for the duration of the test."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(serve(*options))


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a small demo, created once; tests only read it."""
    workplace = Workplace(tmp_path_factory.mktemp("small-demo"))
    done = workplace.run("demo", "--tasks", "4000", "--days", "20", "--seed", "7")
    assert done.status == 0, done.err
    return workplace.data
