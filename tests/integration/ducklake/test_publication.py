"""What a publication to a DuckLake changes, and what is there when it fails."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.cli.json_values import plain
from cbr_warehouse.errors import UsageError, WarehouseError
from cbr_warehouse.load.publish import publish_warehouse
from cbr_warehouse.mcp_server.server import Tools
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.lake import connect, extensions, publish
from cbr_warehouse.warehouse.lake.publish import publish_to_lake
from cbr_warehouse.warehouse.lake.snapshots import compare_snapshots, maintain_lake
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import LakeAddress
from support.lake_cells import rows_in, rows_of
from support.lake_publications import age, change, kill_publication, snapshots, writing
from support.many_sources import context_of
from support.postgresql import Server

pytestmark = pytest.mark.needs_program("psql", package="postgresql")


@pytest.fixture
def copy(estate: tuple[Path, Settings], tmp_path: Path) -> DataDirectory:
    """The estate, to be changed."""
    shutil.copytree(estate[0], tmp_path / "data")
    return DataDirectory(tmp_path / "data")


def test_only_what_differs_is_replaced(copy: DataDirectory, own_lake: LakeAddress) -> None:
    files, count = set(own_lake.files.rglob("*.parquet")), snapshots(own_lake)
    assert publish_to_lake(copy, own_lake) == 0
    assert (set(own_lake.files.rglob("*.parquet")), snapshots(own_lake)) == (files, count)

    change(
        copy,
        "UPDATE tasks SET error_message = 'x' WHERE source = 'source-01' "
        "AND day = (SELECT min(day) FROM tasks)",
        "DELETE FROM analytics.recovery_point WHERE source = 'source-00'",
    )
    assert publish_to_lake(copy, own_lake) == 2
    new = sorted(
        path.relative_to(own_lake.files).parts[:3] for path in set(own_lake.files.rglob("*.parquet")) - files
    )
    assert [parts for parts in new if parts[0] != "lake"] == [("main", "tasks", "source=source-01")]
    assert rows_of(own_lake) == rows_of(copy.warehouse)
    assert list(compare_snapshots(own_lake, last=1)) == []
    with writing(own_lake) as connection:
        deletes = "SELECT count(*) FROM __ducklake_metadata_warehouse.ducklake_delete_file"
        inlined = "SELECT count(*) FROM __ducklake_metadata_warehouse.ducklake_inlined_data_tables"
        assert connection.execute(deletes).fetchall() == [(0,)], "whole files are replaced"
        assert connection.execute(inlined).fetchall() == [(0,)]


def test_what_another_version_published_is_replaced(copy: DataDirectory, own_lake: LakeAddress) -> None:
    """Tables and views that are defined otherwise, or not at all any more."""
    with writing(own_lake) as connection:
        connection.execute("CREATE TABLE main.dropped (a INTEGER)")
        connection.execute(
            "INSERT INTO lake.definitions VALUES ('main.dropped', '', 'DROP TABLE main.dropped')"
        )
        connection.execute("UPDATE lake.definitions SET hash = '' WHERE name IN ('views', 'main.vaults')")
        connection.execute("ALTER TABLE main.vaults ADD COLUMN of_another_version INTEGER")
    change(copy, "UPDATE loads SET requests = 77")
    publish_to_lake(copy, own_lake)
    changed = ("main.loads", "main.vaults", "analytics.scorecard")
    with open_published(own_lake) as connection:
        assert rows_in(connection, *changed) == rows_of(copy.warehouse, *changed)
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM main.dropped")


@pytest.mark.fault("killed processes")
@pytest.mark.parametrize("step", ["_compare", "_note_parts"])
def test_a_publication_killed_in_its_transaction(
    copy: DataDirectory, own_lake: LakeAddress, step: str
) -> None:
    changed = ("main.tasks", "analytics.attempt")
    before = rows_of(own_lake, *changed)
    change(copy, "UPDATE tasks SET error_message = 'x'", "UPDATE analytics.attempt SET error_message = 'x'")
    kill_publication(copy, own_lake, step)
    assert rows_of(own_lake, *changed) == before
    assert publish_to_lake(copy, own_lake) > 1
    assert rows_of(own_lake, *changed) == rows_of(copy.warehouse, *changed)
    assert maintain_lake(own_lake).orphans == (), "files of today may be those of a publication that runs"


def test_readers_beside_a_publisher(copy: DataDirectory, own_lake: LakeAddress) -> None:
    with open_published(own_lake) as earlier:
        before = rows_in(earlier, "main.tasks")
        change(copy, "UPDATE tasks SET error_message = 'x'", "DROP VIEW analytics.scorecard")
        publish_to_lake(copy, own_lake)
        assert rows_in(earlier, "main.tasks") == before, "its snapshot stays"
    with open_published(own_lake) as later:
        assert later.execute("SELECT DISTINCT error_message FROM tasks").fetchall() == [("x",)]


def test_a_snapshot_that_says_something_else_is_found(copy: DataDirectory, own_lake: LakeAddress) -> None:
    with writing(own_lake) as connection:
        connection.execute("INSERT INTO loads FROM loads")
    (found,) = compare_snapshots(own_lake, last=1)
    assert "rows of main.loads, which are not the" in found
    assert str(own_lake.password) not in found


def test_old_snapshots_end(copy: DataDirectory, own_lake: LakeAddress, server: Server) -> None:
    change(copy, "UPDATE tasks SET error_message = 'x'")
    publish_to_lake(copy, own_lake)
    files = set(own_lake.files.rglob("*.parquet"))
    age(own_lake, server, "ducklake_snapshot SET snapshot_time = snapshot_time")
    change(copy, "UPDATE tasks SET error_message = 'y'")
    publish_to_lake(copy, own_lake)  # ends the older ones by itself
    assert snapshots(own_lake) == 1
    assert files < set(own_lake.files.rglob("*.parquet")), "files have a grace of their own"
    age(own_lake, server, "ducklake_files_scheduled_for_deletion SET schedule_start = schedule_start")
    assert maintain_lake(own_lake).removed > 0
    assert not files < set(own_lake.files.rglob("*.parquet"))
    assert rows_of(own_lake, "main.tasks") == rows_of(copy.warehouse, "main.tasks")


def test_a_load_publishes_to_the_lake(estate: tuple[Path, Settings], published: LakeAddress) -> None:
    file = DataDirectory(estate[0]).warehouse
    assert rows_of(published, "main.tasks") == rows_of(file, "main.tasks")


def test_an_unreachable_server(
    copy: DataDirectory, lake: LakeAddress, estate: tuple[Path, Settings], caplog: pytest.LogCaptureFixture
) -> None:
    """The file is published all the same; the next load publishes to the DuckLake."""
    away = replace(lake, parameters="host=127.0.0.1 port=1 user=dagster dbname=x")
    context = replace(context_of(copy.root, estate[1]), lake=away, publish_unchanged=timedelta(0))
    copy.warehouse.unlink()
    with pytest.raises(WarehouseError) as raised:
        publish_warehouse(context)
    said = str(raised.value)
    assert said.startswith(f"{away}: PostgreSQL cannot be reached (")
    assert "Connection refused" in said
    assert f"{copy.warehouse} is published, and the next load publishes it there." in said
    assert str(lake.password) not in said + caplog.text
    assert copy.warehouse.exists()
    publish_warehouse(replace(context, lake=lake))
    assert rows_of(lake, "main.tasks") == rows_of(copy.warehouse, "main.tasks")


def test_a_wrong_password_is_not_repeated(copy: DataDirectory, lake: LakeAddress) -> None:
    wrong = replace(lake, password="another-secret")
    for act in (lambda: publish_to_lake(copy, wrong), lambda: rows_of(wrong)):
        with pytest.raises(WarehouseError, match="password authentication failed") as raised:
            act()
        assert "another-secret" not in str(raised.value)
    assert "Pa55word" not in repr(lake)


def test_the_password_is_nowhere(published: LakeAddress) -> None:
    with open_published(published) as connection:
        for query in ("duckdb_secrets()", "duckdb_databases()", "duckdb_settings()"):
            assert str(published.password) not in str(connection.execute(f"FROM {query}").fetchall())
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name LIKE '__ducklake%'"
        ).fetchall()
        for table in tables or [("ducklake_metadata",)]:
            rows = connection.execute(f"FROM __ducklake_metadata_warehouse.{table[0]}").fetchall()
            assert str(published.password) not in str(rows)


def test_what_is_missing_is_named(
    copy: DataDirectory, lake: LakeAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "find_spec", lambda name: None if "postgres" in name else find_spec(name))
    for act in (lambda: publish_to_lake(copy, lake), lambda: rows_of(lake)):
        with pytest.raises(
            UsageError, match=r"duckdb-extension-postgres-scanner.*'cbr-warehouse\[ducklake\]'"
        ):
            act()


def test_nothing_was_published_there(lake: LakeAddress) -> None:
    with pytest.raises(WarehouseError, match="There is no warehouse yet at ducklake:postgres:host="):
        rows_of(lake)


def test_another_folder_than_the_lake_has(copy: DataDirectory, own_lake: LakeAddress, tmp_path: Path) -> None:
    change(copy, "UPDATE tasks SET error_message = 'x'")
    with pytest.raises(WarehouseError, match="where warehouse_files says they are"):
        publish_to_lake(copy, replace(own_lake, files=tmp_path / "elsewhere"))


def test_assistants_read_it(estate: tuple[Path, Settings], published: LakeAddress) -> None:
    statement = "SELECT count(*) AS tasks, max(updated_at) AS newest FROM tasks"
    answers = [
        Tools(place, plain).run_sql(statement) for place in (published, estate[0] / "warehouse.duckdb")
    ]
    assert answers[0] == answers[1]


def test_who_configures_none_imports_nothing_of_it() -> None:
    names = "cbr_warehouse.load.run, cbr_warehouse.load.live_context, cbr_warehouse.cli.main"
    shown = f"import sys, {names}; print([name for name in sys.modules if 'warehouse.lake' in name])"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_hosts_that_publish_at_once(
    copy: DataDirectory, own_lake: LakeAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that commits later compares its file with what the other has published, and publishes then."""
    other = DataDirectory(tmp_path / "other")
    shutil.copytree(copy.root, other.root)
    change(other, "UPDATE tasks SET error_message = 'of the other' WHERE source = 'source-00'")
    change(copy, "UPDATE tasks SET error_message = 'of this' WHERE source = 'source-01'")
    note_parts, others = publish._note_parts, [other]

    def beaten(connection: duckdb.DuckDBPyConnection) -> None:
        if others:
            publish_to_lake(others.pop(), own_lake)
        note_parts(connection)

    monkeypatch.setattr(publish, "_note_parts", beaten)
    assert publish_to_lake(copy, own_lake) > 1
    assert others == []
    assert rows_of(own_lake, "main.tasks") == rows_of(copy.warehouse, "main.tasks")
    assert list(compare_snapshots(own_lake, last=1)) == []


def test_two_hosts_that_make_the_lake_at_once(
    copy: DataDirectory, lake: LakeAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses the slower one, which then attaches what the other has made."""
    other = DataDirectory(tmp_path / "other")
    shutil.copytree(copy.root, other.root)
    attach, both, first = connect._attach, threading.Barrier(2, timeout=60), iter(range(2))

    def together(*words: Any) -> None:
        if next(first, None) is not None:  # a host that tries again meets nobody
            both.wait()
        attach(*words)

    monkeypatch.setattr(connect, "_attach", together)
    with ThreadPoolExecutor(2) as hosts:
        published = list(hosts.map(publish_to_lake, [copy, other], [lake] * 2))
    assert max(published) > 1
    assert rows_of(lake, "main.tasks") == rows_of(copy.warehouse, "main.tasks")
    assert list(compare_snapshots(lake, last=1)) == []


def test_a_commit_that_runs_out_of_memory_is_made_again_with_more(
    copy: DataDirectory, own_lake: LakeAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckLake wraps the error of a commit."""
    change(copy, "UPDATE tasks SET error_message = 'new' WHERE source = 'source-00'")
    note_parts, given = publish._note_parts, []

    def short_of_memory(connection: duckdb.DuckDBPyConnection) -> None:
        given.append(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])
        if len(given) == 1:
            raise duckdb.TransactionException(
                "Failed to commit: Out of Memory Error: failed to pin block of size 256.0 KiB"
            )
        note_parts(connection)

    monkeypatch.setattr(publish, "_note_parts", short_of_memory)
    assert publish_to_lake(copy, own_lake) > 1
    assert len(set(given)) == 2
    assert rows_of(own_lake, "main.tasks") == rows_of(copy.warehouse, "main.tasks")
