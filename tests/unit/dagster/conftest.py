"""Fixtures of the tests of Dagster's rim."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from support.dagster_deployment import Clock, Deployment, make_deployment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def stored_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on disk: schedules can open it by reference, as in the daemon."""
    home = tmp_path / "dagster-home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as stored:
        yield stored


@pytest.fixture
def install(tmp_path: Path, clock: Clock, instance: dg.DagsterInstance) -> Callable[..., Deployment]:
    """Makes an installation with the sources named."""
    return partial(make_deployment, tmp_path, clock, instance)


@pytest.fixture(scope="module")
def install_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Deployment]]:
    """Makes the one installation of a module."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield partial(make_deployment, tmp_path_factory.mktemp("installed"), Clock(), ephemeral)
