"""``warehouse_files = "s3://…"``: what holds of files in a folder holds of files in a real store."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from cbr_warehouse.errors import SettingsError, UsageError, WarehouseError
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.object_store import ObjectStore
from cbr_warehouse.storage.store_url import StoreUrl
from cbr_warehouse.warehouse.lake import extensions
from cbr_warehouse.warehouse.lake import snapshots as upkeep
from cbr_warehouse.warehouse.lake.connect import require_lake
from cbr_warehouse.warehouse.lake.file_store import reach_store
from cbr_warehouse.warehouse.lake.publish import publish_to_lake
from cbr_warehouse.warehouse.lake.snapshots import compare_snapshots, maintain_lake
from cbr_warehouse.warehouse.open_published import connect_published, open_published
from cbr_warehouse.warehouse.place import LakeAddress
from support.command_line import Workplace
from support.emulator_server import serve
from support.lake_cells import rows_in, rows_of
from support.lake_publications import age, change, database_of, kill_publication, snapshots
from support.object_stores import BUCKET, KEYS, FaultyStore, environment, opened, real_store
from support.postgresql import Server

pytestmark = pytest.mark.needs_program("psql", package="postgresql")

VIEWS = ("analytics.scorecard", "analytics.protection_coverage", "analytics.data_quality")
SECRET = KEYS["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_store(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture(scope="module")
def stored(
    endpoint: str, new_lake: Callable[[], LakeAddress], estate: tuple[Path, Settings], unchecked: None
) -> LakeAddress:
    """A DuckLake with the estate, whose files are in the store; only read."""
    lake = replace(new_lake(), files=StoreUrl(BUCKET, uuid4().hex))
    assert publish_to_lake(DataDirectory(estate[0]), lake) > 20
    return lake


@pytest.fixture
def own(stored: LakeAddress, server: Server) -> LakeAddress:
    """A copy of its catalog, to be published to: that only adds files."""
    name = server.create_database(copied_from=database_of(stored))
    return replace(stored, parameters=stored.parameters.replace(database_of(stored), name))


@pytest.fixture
def copy(estate: tuple[Path, Settings], tmp_path: Path) -> DataDirectory:
    """The estate, to be changed."""
    shutil.copytree(estate[0], tmp_path / "data")
    return DataDirectory(tmp_path / "data")


def of_reader(lake: LakeAddress) -> LakeAddress:
    """The address as a reader has it."""
    return replace(lake, files=None)


def store_of(endpoint: str, lake: LakeAddress) -> ObjectStore:
    return opened(endpoint, str(lake.files))


def test_the_same_answers(stored: LakeAddress, estate: tuple[Path, Settings]) -> None:
    file = DataDirectory(estate[0]).warehouse
    assert rows_of(of_reader(stored)) == rows_of(file)
    assert rows_of(of_reader(stored), *VIEWS) == rows_of(file, *VIEWS)


@pytest.mark.fault("object stores")
def test_a_second_publication_beside_a_reader(
    own: LakeAddress, copy: DataDirectory, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a store that refuses every third request for a moment, and loses every fifth response."""
    before = set(store_of(endpoint, own).sizes(""))
    with open_published(of_reader(own)) as earlier:
        rows = rows_in(earlier, "main.tasks")
        change(
            copy,
            "UPDATE tasks SET error_message = 'x' WHERE source = 'source-01' "
            "AND day = (SELECT min(day) FROM tasks)",
        )
        store = FaultyStore(endpoint)
        store.fault = store.slow_down_and_lose
        with store.serve(), monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", store.endpoint)
            assert publish_to_lake(copy, own) == 1
        assert len(store.requests) > 5
        assert rows_in(earlier, "main.tasks") == rows, "its snapshot stays"
    new = [key.split("/") for key in set(store_of(endpoint, own).sizes("")) - before]
    assert [parts[:3] for parts in new if parts[0] != "lake"] == [["main", "tasks", "source=source-01"]]
    assert rows_of(of_reader(own), "main.tasks") == rows_of(copy.warehouse, "main.tasks")
    assert list(compare_snapshots(of_reader(own), last=1)) == []


@pytest.mark.fault("killed processes")
def test_a_publication_killed_in_its_transaction(own: LakeAddress, copy: DataDirectory) -> None:
    before = rows_of(of_reader(own), "main.tasks")
    change(copy, "UPDATE tasks SET error_message = 'x'")
    kill_publication(copy, own, "_note_parts")
    assert rows_of(of_reader(own), "main.tasks") == before
    assert publish_to_lake(copy, own) > 1
    assert rows_of(of_reader(own), "main.tasks") == rows_of(copy.warehouse, "main.tasks")


def test_old_snapshots_end(
    stored: LakeAddress,
    own: LakeAddress,
    copy: DataDirectory,
    server: Server,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = _with_own_files(stored, own, server, endpoint)  # other tests added files to those of ``stored``
    store, before = store_of(endpoint, own), snapshots(own)
    change(copy, "UPDATE tasks SET error_message = 'x'")
    publish_to_lake(copy, own)
    age(own, server, "ducklake_snapshot SET snapshot_time = snapshot_time")
    there = set(store.sizes(""))
    # The objects of a test cannot be older than the grace.
    monkeypatch.setattr(upkeep, "_BEFORE_GRACE", "older_than => now() + INTERVAL 1 DAY")
    store.write("main/tasks/left behind.parquet", b"x")
    done = maintain_lake(of_reader(own))
    assert (done.expired, done.removed) == (before, 0)
    assert f"{own.files}/main/tasks/left behind.parquet" in done.orphans
    assert there < set(store.sizes("")), "files have a grace of their own, and orphans are only listed"
    assert maintain_lake(of_reader(own)).removed > 0
    assert not there < set(store.sizes(""))
    assert rows_of(of_reader(own), "main.tasks") == rows_of(copy.warehouse, "main.tasks")


def _with_own_files(stored: LakeAddress, own: LakeAddress, server: Server, endpoint: str) -> LakeAddress:
    source, own = store_of(endpoint, stored), replace(own, files=StoreUrl(BUCKET, uuid4().hex))
    for key in source.sizes(""):
        content = source.read(key)
        assert content is not None
        store_of(endpoint, own).write(key, content[0])
    server.query(
        f"UPDATE ducklake_metadata SET value = '{own.files}/' WHERE key = 'data_path'", database_of(own)
    )
    return own


def test_a_reader_reaches_its_files_and_nothing_else(stored: LakeAddress, endpoint: str) -> None:
    store_of(endpoint, stored).write("text", b"of the DuckLake")
    opened(endpoint, f"s3://{BUCKET}").write("other", b"of somebody else")
    with _listening() as (port, asked):
        reader = connect_published(of_reader(stored))
        try:
            for place in (
                f"s3://{BUCKET}/other",
                f"{stored.files}/../other",
                f"{stored.files}/text?s3_endpoint=127.0.0.1:{port}&s3_use_ssl=false",
                f"http://127.0.0.1:{port}/text",
                f"{endpoint}/{BUCKET}/other",
                "/etc/hostname",
            ):
                with pytest.raises(duckdb.Error):
                    reader.connection.execute(f"FROM read_text('{place}')").fetchall()
        finally:
            reader.close()
    assert asked == []


@pytest.mark.fault("object stores")
def test_what_the_store_refuses_is_explained(
    own: LakeAddress, copy: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(copy, "UPDATE tasks SET error_message = 'x'")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(WarehouseError) as raised:
        publish_to_lake(copy, own)
    said = str(raised.value)
    assert said.startswith(f"{own}: the store does not give access to its files (SignatureDoesNotMatch: ")
    assert "Check the credentials (AWS_ACCESS_KEY_ID" in said
    assert "and the next load publishes it there." in said
    with pytest.raises(WarehouseError, match="does not give access to its files") as raised:
        rows_of(of_reader(own), "main.tasks")
    assert "wrong-secret" not in said + str(raised.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(WarehouseError, match="the store with its files cannot be used"):
        rows_of(of_reader(own), "main.tasks")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for act in (lambda: require_lake(own), lambda: rows_of(of_reader(own))):
        with pytest.raises(SettingsError, match=f"{own.files}: there are no credentials"):
            act()


def test_what_is_missing_is_named(stored: LakeAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "find_spec", lambda name: None if "httpfs" in name else find_spec(name))
    for act in (lambda: require_lake(stored), lambda: rows_of(of_reader(stored))):
        with pytest.raises(UsageError, match=r"duckdb-extension-httpfs.*'cbr-warehouse\[ducklake\]'"):
            act()


def test_another_prefix_than_the_lake_has(own: LakeAddress, copy: DataDirectory) -> None:
    change(copy, "UPDATE tasks SET error_message = 'x'")
    with pytest.raises(WarehouseError, match="where warehouse_files says they are"):
        publish_to_lake(copy, replace(own, files=StoreUrl(BUCKET, "elsewhere")))


def test_secrets_are_nowhere(stored: LakeAddress, server: Server) -> None:
    with open_published(of_reader(stored)) as connection:
        for query in ("duckdb_secrets()", "duckdb_databases()", "duckdb_settings()"):
            assert SECRET not in str(connection.execute(f"FROM {query}").fetchall())
    catalog = server.query("SELECT database_to_xml(true, false, '')", database_of(stored))
    assert str(stored.files) in str(catalog)
    assert SECRET not in str(catalog)


def test_credentials_of_a_role(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys in the environment, but where a container gets some; new ones when the store refuses them."""
    opened(endpoint, f"s3://{BUCKET}/of-a-role").write("text", b"of the DuckLake")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    given = [
        {
            "AccessKeyId": KEYS["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": secret,
            "Token": "",
            "Expiration": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for secret in ("of an hour ago", SECRET)
    ]
    with _listening(*map(json.dumps, given)) as (port, asked), duckdb.connect() as connection:
        environ = environment(endpoint) | {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/keys",
        }
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/keys")
        reach_store(connection, StoreUrl(BUCKET, "of-a-role"), environ)
        text = connection.execute(f"SELECT content FROM read_text('s3://{BUCKET}/of-a-role/*')")
        assert text.fetchall() == [("of the DuckLake",)]
        assert SECRET not in str(connection.execute("FROM duckdb_secrets()").fetchall())
    assert asked == ["/keys", "/keys"]


def test_commands(
    endpoint: str, new_lake: Callable[[], LakeAddress], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data directory in a store, with the files of the DuckLake in it; a host that only reads."""
    lake, place = new_lake(), f"s3://{BUCKET}/{uuid4().hex}"
    monkeypatch.setenv("CATALOG_PASSWORD", str(lake.password))
    hosts = [Workplace(tmp_path / name) for name in ("loader", "reader")]
    for host in hosts:
        host.folder.mkdir()
    loader, reader = hosts
    address = f'warehouse = "ducklake:postgres:{lake.parameters} password=env:CATALOG_PASSWORD"\n'
    (reader.folder / "cbr-warehouse.toml").write_text(address)
    outcomes = []
    with serve("--tasks", "30", "--days", "1", "--seed", "7") as url:
        loader.configure(url, history="2d")
        file = loader.folder / "cbr-warehouse.toml"
        file.write_text(f'{address}data_dir = "{place}"\ncache_dir = "cache"\n{file.read_text()}')
        refused = loader.run("doctor", AWS_SECRET_ACCESS_KEY="wrong-secret")
        for words in (("load",), ("doctor",), ("maintain",)):
            done = loader.run(*words)
            assert done.status == 0, done.out + done.err
            outcomes.append(done)
    read = reader.run("sql", "SELECT count(*) > 0 AS has_tasks FROM tasks", "--format", "json")
    assert '"has_tasks":true' in read.out, read.err
    keys = opened(endpoint, place).sizes("")
    assert {key.partition("/")[0] for key in keys} >= {"lake", "objects", "commits"}
    assert any(key.startswith("lake/main/tasks/") for key in keys)
    assert (refused.status, "does not give access to its files" in refused.out) == (1, True), refused.err
    assert "can be read" in outcomes[1].out
    assert "0 snapshots ended, 0 files removed\n" in outcomes[2].out
    assert not any("-secret" in done.out + done.err for done in (refused, *outcomes, read))


@contextmanager
def _listening(*answers: str) -> Iterator[tuple[int, list[str]]]:
    """A server that notes what it is asked, and gives each answer once; gives its port and the paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            answer = answers[len(asked)] if len(asked) < len(answers) else ""
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        do_HEAD = do_GET  # noqa: N815  http.server calls it so

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
