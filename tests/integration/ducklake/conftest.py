"""One PostgreSQL for the tests of this folder, and a database and a folder of files for each DuckLake."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.warehouse.place import LakeAddress
from support.many_sources import context_of, land_sources
from support.postgresql import Server, postgresql

PASSWORD = "Pa55word-of-the-catalog"


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with postgresql(PASSWORD) as running:
        yield running


@pytest.fixture(scope="package")
def new_lake(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], LakeAddress]:
    """Makes addresses of DuckLakes that are not there yet."""

    def make() -> LakeAddress:
        name = server.create_database()
        parameters = f"host=127.0.0.1 port={server.port} user=dagster dbname={name}"
        return LakeAddress(parameters, PASSWORD, tmp_path_factory.mktemp("lake") / "files")

    return make


@pytest.fixture
def lake(new_lake: Callable[[], LakeAddress]) -> LakeAddress:
    return new_lake()


@pytest.fixture(scope="package")
def estate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings]:
    """A data directory of three sources with what two loads found, published; only read."""
    folder = tmp_path_factory.mktemp("estate") / "data"
    settings = land_sources(folder, sources=2, tasks=60, days=3)
    rebuild(context_of(folder, settings))
    return folder, settings
