"""Fixtures of the tests of Dagster's rim."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from support.dagster_deployment import Api, Clock, Deployment, make_installation


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def install(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Deployment]]:
    """Makes an installation with the sources named."""
    instance = dg.DagsterInstance.ephemeral()

    def install(*names: str, **keys: Any) -> Deployment:
        apis = {name: Api(clock) for name in names}
        installation = make_installation(tmp_path / "data", clock, apis, **keys)
        return Deployment(installation, clock, apis, instance)

    yield install
    instance.dispose()
