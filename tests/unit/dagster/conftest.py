"""Fixtures of the tests of Dagster's rim."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from support.dagster_deployment import Clock, Deployment, make_deployment
from support.dagster_files import FILES, OpenFiles, make_instance_files, open_instance


@pytest.fixture(scope="session")
def open_files() -> Iterator[OpenFiles]:
    """Dagster's files of all tests here, each of which opens its own and leaves none open."""
    with pytest.MonkeyPatch.context() as patch:
        for replacement in FILES.replacements():
            patch.setattr(*replacement)
        yield FILES


@pytest.fixture(autouse=True)
def closed_files(open_files: OpenFiles) -> Iterator[None]:
    """Closes what a test has opened."""
    yield
    open_files.close()


@pytest.fixture(scope="session")
def instance_files(tmp_path_factory: pytest.TempPathFactory, open_files: OpenFiles) -> Path:
    """The files of an instance without runs."""
    folder = tmp_path_factory.mktemp("dagster") / "home"
    make_instance_files(folder)
    open_files.close()
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def stored_instance(tmp_path: Path, instance_files: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on disk: schedules can open it by reference, as in the daemon."""
    with open_instance(tmp_path / "dagster-home", instance_files) as stored:
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
