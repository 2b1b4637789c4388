"""One PostgreSQL for the tests of this folder, and a database and a folder of files for each DuckLake.

To publish for the first time takes seconds of CPU: tests that only read share a DuckLake to which a load
published, and those that change it have a copy.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.warehouse.place import LakeAddress
from support.many_sources import context_of, land_sources
from support.postgresql import Server, postgresql

PASSWORD = "Pa55word-of-the-catalog"


@pytest.fixture(scope="module", autouse=True)
def unchecked(frugal: Callable[..., Any]) -> Iterator[None]:
    """Engines of this process take extensions as they are installed; those of commands check them.

    To check their signatures takes half a second, each time that a DuckLake is opened.
    """
    connect, unsigned = duckdb.connect, {"allow_unsigned_extensions": "true"}

    def without_check(*words: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        return connect(*words, **options | {"config": options.get("config", {}) | unsigned})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", without_check)
        yield


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
def loaded(
    new_lake: Callable[[], LakeAddress], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings, LakeAddress]:
    """What ``estate`` and ``published`` have: a load published both."""
    folder, lake = tmp_path_factory.mktemp("estate") / "data", new_lake()
    settings = land_sources(folder, sources=2, tasks=40, days=2)
    rebuild(replace(context_of(folder, settings), lake=lake))
    return folder, settings, lake


@pytest.fixture(scope="package")
def estate(loaded: tuple[Path, Settings, LakeAddress]) -> tuple[Path, Settings]:
    """A data directory of two sources with what two loads found, published; only read."""
    return loaded[:2]


@pytest.fixture(scope="package")
def published(loaded: tuple[Path, Settings, LakeAddress]) -> LakeAddress:
    """The DuckLake with the estate; only read."""
    return loaded[2]


@pytest.fixture
def own_lake(server: Server, published: LakeAddress, tmp_path: Path) -> LakeAddress:
    """A copy of the DuckLake with the estate, to be changed."""
    source, files = published.parameters.rpartition("dbname=")[2], tmp_path / "lake"
    assert published.files is not None
    shutil.copytree(published.files, files)
    name = server.create_database(copied_from=source)
    server.query(f"UPDATE ducklake_metadata SET value = '{files}/' WHERE key = 'data_path'", name)
    return replace(published, parameters=published.parameters.replace(source, name), files=files)
