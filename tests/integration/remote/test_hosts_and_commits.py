"""Hosts that share a data directory: whole commits, one winner, and what a killed one leaves."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import LoadRunningError, StorageError
from cbr_warehouse.remote import lease as leases
from cbr_warehouse.remote.commits import (
    Commit,
    StoredFile,
    commit_key,
    decode_commit,
    encode_commit,
)
from cbr_warehouse.remote.hold import add_files, commit, hold_scope
from cbr_warehouse.remote.orphans import remove_orphans
from cbr_warehouse.remote.place import open_copy
from cbr_warehouse.remote.scopes import REPORTS, scope_of_source
from cbr_warehouse.remote.source_names import read_sources
from support.object_stores import LOST, Fault, FaultyStore, Request, error
from support.store_hosts import NOW, RAW, SCOPE, Host


@pytest.fixture
def hosts(url: str, tmp_path: Path) -> tuple[Host, Host]:
    return Host(tmp_path / "a", url), Host(tmp_path / "b", url)


@pytest.fixture
def proxy(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    with FaultyStore(endpoint).serve() as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint)
        yield found


@contextmanager
def not_committed(host: Host, why: str) -> Iterator[None]:
    """A change of a host whose commit is refused."""
    with pytest.raises(StorageError, match=why), host.changing():
        yield


def test_hosts_take_turns(hosts: tuple[Host, Host], url: str, tmp_path: Path) -> None:
    a, b = hosts
    a.load(one="1", two="2")
    b.load(two="22", three="3")
    a.load(one=None, four="4")
    expected = {"two": "22", "three": "3", "four": "4"}
    assert a.files() == b.read() == Host(tmp_path / "c", url).read() == expected
    assert read_sources(open_copy(a.directory).store) == ("a",)
    assert a.said == b.said == []


def test_an_unchanged_scope_costs_a_reader_one_request(hosts: tuple[Host, Host], proxy: FaultyStore) -> None:
    a, b = hosts
    a.load(one="1")
    assert b.read() == {"one": "1"}
    proxy.requests.clear()
    assert b.read() == {"one": "1"}
    assert [(one.method, one.path.rpartition("/")[2]) for one in proxy.requests] == [
        ("GET", f"{SCOPE.replace('=', '%3D')}.json.gz")
    ]


def test_a_load_without_news_commits_nothing_and_sends_only_what_changed(
    hosts: tuple[Host, Host], proxy: FaultyStore
) -> None:
    a, b = hosts
    a.load(one="1", two="2")
    b.load(one="1")  # written again, with the same content
    assert proxy.writes("commits/") == 1
    a.load(two="other")
    assert (proxy.writes("objects/"), proxy.writes("commits/")) == (3, 2)


def test_a_second_host_is_told_who_loads(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    with a.changing():
        a.write(one="1")
        with pytest.raises(
            LoadRunningError, match=r"load on a \(process \d+ on .*\), since 2026-11-20T13:00"
        ):
            b.load(two="2")
        assert b.read() == {}
        b.later(60)
        with pytest.raises(LoadRunningError):
            b.load(two="2")
    assert b.read() == {"one": "1"}


def test_a_host_that_waits_goes_on_from_the_others_commit(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hosts
    taking = a.changing()
    taking.__enter__()
    a.write(one="1")
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.01)
    seen = []
    find = leases.Lease.take

    def take(lease: leases.Lease) -> object:
        found = find(lease)
        if found is not None and not seen:
            seen.append(found["what"])
            taking.__exit__(None, None, None)
        return found

    monkeypatch.setattr(leases.Lease, "take", take)
    with hold_scope(b.directory, SCOPE, b.holding(wait=True)):
        assert b.files() == {"one": "1"}
        b.write(two="2")
    assert seen == ["load on a"]
    assert b.said == [said for said in b.said if said.startswith("waiting for load on a (process")]
    assert a.read() == {"one": "1", "two": "2"}


@pytest.mark.fault("object stores")
def test_a_host_that_was_cut_off_commits_nothing(hosts: tuple[Host, Host]) -> None:
    """Its lease ended, and another host has committed: what it received is dropped, with a sentence."""
    a, b = hosts
    a.load(zero="0")
    with not_committed(a, "was not renewed in time, and load on b"):
        a.write(one="1")
        b.later(100)
        with b.changing():
            b.write(two="2", three="3")
            with pytest.raises(StorageError, match="load on b"):
                commit(a.directory, SCOPE)
    assert b.files() == {"zero": "0", "two": "2", "three": "3"}
    assert a.read() == {"zero": "0", "two": "2", "three": "3"}
    assert "interrupted run received on this machine is dropped, since load on b" in a.said[0]


@pytest.mark.fault("object stores")
def test_what_a_cut_off_host_received_is_continued_with_if_nobody_committed(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    a.load(zero="0")
    with not_committed(a, "was not renewed in time"):
        a.write(one="1")
        b.later(100)
        b.load()
    a.load(two="2")
    assert b.read() == {"zero": "0", "one": "1", "two": "2"}
    assert a.said == []


@pytest.mark.fault("object stores")
def test_a_commit_is_only_made_in_place_of_the_one_that_was_read(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where leases are no good at all."""
    a, b = hosts
    monkeypatch.setattr(leases.Lease, "take", lambda lease: None)
    monkeypatch.setattr(leases.Lease, "require", lambda lease: None)
    with not_committed(a, "another host has committed source=a meanwhile"):
        a.write(one="1")
        b.load(two="2")
    assert a.read() == b.read() == {"two": "2"}


@pytest.mark.fault("object stores")
def test_a_killed_host_is_replaced_by_another_one_and_itself(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    a.load(zero="0")
    dying = a.changing()
    dying.__enter__()
    a.write(one="1")
    with pytest.raises(LoadRunningError, match="load on a"):
        b.load(two="2")
    assert a.read() == {"zero": "0", "one": "1"}
    a.load(two="2")  # the local lock is free, so the lease of this working copy was left by a dead process
    assert b.read() == {"zero": "0", "one": "1", "two": "2"}
    assert a.said == []


@pytest.mark.fault("object stores")
@pytest.mark.parametrize("is_lost", [False, True], ids=["not carried out", "response lost"])
def test_dead_after_any_request_the_store_has_the_older_or_the_newer_commit(
    url: str, proxy: FaultyStore, tmp_path: Path, is_lost: bool
) -> None:
    """Of a load that replaces, adds and removes files; another host goes on, then the first one again."""
    for number in range(1, 100):
        scene = Host(tmp_path / f"a{number}", f"{url}/{number}")
        scene.load(one="1", two="2")
        proxy.requests.clear()
        proxy.fault = dying_after(proxy, number, is_lost=is_lost)
        try:
            scene.load(one="11", two=None, three="3")
        except StorageError as told:
            assert "expired" in str(told)  # noqa: PT017
            is_done = False
        else:
            is_done = True
        proxy.fault = lambda request: None
        other = Host(tmp_path / f"b{number}", f"{url}/{number}")
        older, newer = {"one": "1", "two": "2"}, {"one": "11", "three": "3"}
        assert other.read() in (older, newer)
        other.later(100)
        other.load(four="4")
        before = other.files()
        assert before in ({**older, "four": "4"}, {**newer, "four": "4"})
        scene.load(five="5")
        assert scene.files() == other.read() == {**before, "five": "5"}
        if is_done:
            break
    assert 5 < number < 20


def dying_after(proxy: FaultyStore, number: int, *, is_lost: bool) -> Fault:
    """From a request on, none is carried out; of the one before, the response may be lost."""

    def fault(request: Request) -> bytes | None:
        count = len(proxy.requests)
        if is_lost and count == number:
            return LOST
        return error(400, "ExpiredToken") if count >= number else None

    return fault


@pytest.mark.fault("object stores")
def test_slow_down_and_lost_responses(hosts: tuple[Host, Host], proxy: FaultyStore) -> None:
    a, b = hosts

    def fault(request: Request) -> bytes | None:
        count = len(proxy.requests)
        return error(503, "SlowDown") if count % 3 == 0 else LOST if count % 5 == 0 else None

    proxy.fault = fault
    a.load(one="1", two="2")
    b.load(three="3")
    assert a.read() == {"one": "1", "two": "2", "three": "3"}


def test_objects_stay_for_a_day_after_they_were_replaced(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    store = open_copy(a.directory).store
    a.load(one="1")
    a.load(one="2")
    b.later(3600)
    b.load(one="3")
    assert len(store.sizes("objects")) == 3
    a.later(25 * 3600)
    a.load(two="2")
    assert sorted(path.partition("~")[0] for path in store.sizes("objects")) == [
        f"objects/{RAW}one.json", f"objects/{RAW}one.json", f"objects/{RAW}two.json",
    ]  # fmt: skip
    assert b.read() == {"one": "3", "two": "2"}


def test_what_nobody_committed_is_removed_after_a_day(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    store = open_copy(a.directory).store
    with not_committed(a, "was not renewed in time"):
        a.write(one="1")
        b.later(100)
        b.load(two="2")
    a.read()
    assert remove_orphans(a.directory, datetime.now(UTC)) == 0
    assert remove_orphans(a.directory, datetime.now(UTC) + timedelta(hours=25)) == 1
    assert [key.partition("~")[0] for key in store.sizes("objects")] == [f"objects/{RAW}two.json"]


@pytest.mark.fault("object stores")
def test_a_damaged_object_is_named_and_nothing_is_half_there(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    a.load(one="1", two="2")
    store = open_copy(a.directory).store
    key = next(key for key in store.sizes("objects") if "two" in key)
    store.write(key, b"x")
    with pytest.raises(StorageError, match=r"two\.json~.*: is damaged"):
        b.read()
    store.write(key, b"2")
    assert b.read() == {"one": "1", "two": "2"}


def test_a_file_that_another_program_changed_or_removed_comes_back(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    a.load(one="1", two="2")
    assert b.read() == {"one": "1", "two": "2"}
    b.write(one="changed")
    (b.directory.root / f"{RAW}two.json").unlink()
    a.load(three="3")
    assert b.read() == {"one": "1", "two": "2", "three": "3"}


def test_what_is_received_once_is_not_received_again(hosts: tuple[Host, Host], proxy: FaultyStore) -> None:
    a, b = hosts
    a.load(one="1", two="2")
    b.read()
    a.load(one="11")
    a.load(one="1")
    proxy.requests.clear()
    assert b.read() == {"one": "1", "two": "2"}
    assert len(proxy.requests) == 1


def test_reports_of_several_hosts_come_together(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    for host, name in ((a, "x"), (b, "y")):
        folder = host.directory.reports / name
        folder.mkdir(parents=True)
        (folder / "report.html").write_text(name)
        add_files(host.directory, folder, "report", NOW)
    content, _ = open_copy(a.directory).store.read(commit_key(REPORTS)) or (b"", "")
    assert sorted(decode_commit(content, REPORTS, "x").files) == [
        "reports/x/report.html",
        "reports/y/report.html",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/x",
        "raw/loads/source=a/../../../x",
        "raw/loads/source=b/1.json",
        "warehouse.duckdb",
        ".locks/a.lock",
    ],
)
def test_a_commit_that_leads_elsewhere_is_refused(path: str) -> None:
    made = Commit("1", NOW, "me", {path: StoredFile(1, "0" * 64, "objects/x")})
    with pytest.raises(StorageError, match="is no file of source=a"):
        decode_commit(encode_commit(made), SCOPE, "s3://bucket/x")
    with pytest.raises(StorageError, match="is not what was written"):
        decode_commit(encode_commit(made)[:-9], SCOPE, "s3://bucket/x")


def test_expired_credentials_are_a_sentence(hosts: tuple[Host, Host], proxy: FaultyStore) -> None:
    proxy.fault = lambda request: error(400, "ExpiredToken")
    with pytest.raises(StorageError, match="the credentials have expired") as told:
        hosts[0].load(one="1")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(told.value)


def test_sources_are_independent(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    other = scope_of_source("b")
    with a.changing():
        a.write(one="1")
        with b.changing(other):
            path = b.directory.root / "tables/tasks/source=b/day=2026-11-20/data.parquet"
            path.parent.mkdir(parents=True)
            path.write_text("PAR1")
    assert (b.read(), a.read(other)) == ({"one": "1"}, {"data": "PAR1"})
    assert read_sources(open_copy(a.directory).store) == ("a", "b")
    assert timedelta(0) < leases.LEASE
