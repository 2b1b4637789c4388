"""One server for the tests of this folder, a real one on request, and a data directory for each test."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from support.object_stores import BUCKET, in_environment, moto_server, real_store


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    with moto_server() as address, in_environment(address):
        yield address


@pytest.fixture
def url(endpoint: str) -> str:
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with real_store(tmp_path_factory.mktemp("weed")):
        yield
