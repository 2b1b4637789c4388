"""The estate that all tests of the server ask."""

from collections.abc import Iterator

import pytest

from support.asked_estate import Estate
from support.emulator_server import Warehouse, emulated


@pytest.fixture(scope="package")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with emulated(tasks=3000, days=20) as source:
        warehouse = Warehouse(tmp_path_factory.mktemp("mcp"), source, "20d")
        warehouse.load()
        yield Estate(warehouse.directory.warehouse, list(source.truth().values()))
