"""Fixtures of the tests of Dagster's rim."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from support.dagster_deployment import Clock, Deployment, make_deployment


@pytest.fixture(scope="session", autouse=True)
def repeated_work() -> Iterator[None]:
    """Does once what Dagster's store in files does for each event or run: a third of what a run costs there.

    Each statement makes an engine of SQLAlchemy, and the file of each run reads all migrations there are.
    """
    read, scripts = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def scripts_of(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in scripts:
            scripts[place] = read(config)
        return scripts[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", scripts_of)
        for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            patch.setattr(module, "create_engine", partial(_engine, module.create_engine, {}))
        yield


def _engine(create: Callable[..., Any], known: dict[str, Any], url: str, **options: Any) -> Any:
    """The engine of a file; none of them holds a connection (``NullPool``)."""
    if url not in known:
        known[url] = create(url, **options)
    return known[url]


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
