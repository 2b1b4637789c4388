"""One server for the tests of this folder."""

from collections.abc import Iterator

import pytest

from support.object_stores import environment, moto_server


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    with moto_server() as address, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(address).items():
            patch.setenv(name, value)
        yield address
