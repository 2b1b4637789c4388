"""Fixtures of the tests of Dagster's rim."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_site import Api, Clock, Installation, make_site


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def install(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Installation]]:
    """Makes an installation with the sources named."""
    instance = dg.DagsterInstance.ephemeral()

    def install(*names: str, **keys: Any) -> Installation:
        apis = {name: Api(clock) for name in names}
        site = make_site(tmp_path / "data", clock, apis, **keys)
        return Installation(site, clock, apis, instance)

    yield install
    instance.dispose()
