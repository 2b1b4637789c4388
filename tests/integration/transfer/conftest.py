"""One server for the tests of this folder."""

from collections.abc import Iterator

import pytest

from support.object_stores import in_environment, moto_server


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    with moto_server() as address, in_environment(address):
        yield address
