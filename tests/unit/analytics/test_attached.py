"""A warehouse attached read-only to another session: every object answers as in its own, under any alias."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.analytics.catalogue import views
from support.random_log import random_log
from support.small_inventory import SmallInventory
from support.small_log import at

pytestmark = pytest.mark.fault("attached warehouses")

MACROS = {
    "as_known_at": "TIMESTAMPTZ '2026-03-20 00:00:00+00'",
    "backup_success_as_known_at": "TIMESTAMPTZ '2026-03-20 00:00:00+00'",
    "exposure": "TIMESTAMPTZ '2026-03-10 00:00:00+00', TIMESTAMPTZ '2026-03-20 00:00:00+00'",
}
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = random_log(3).log
    made = [task["task_id"] for task in log.tables["tasks"] if task["operation_type"] == "backup"]
    for task_id in made[:40]:
        log.see(task_id, ("2026-03-15 00:00", {"status": "running"}), ("2026-03-25 00:00", {}))
    log.copy(made[0], "2026-04-01 00:00", vault_id="vault-daily")
    log.task("sync", "2026-04-01 00:00", sync_backup_num=1, sync_err_sync_backup_num=21)
    log.cover("2026-03-20").cover("2026-03-21", state="lost").cover(
        "2026-03-22", state="incomplete", counted=9
    )
    seen = {"first_seen_at": at("2026-04-01 00:00"), "last_seen_at": at("2026-04-01 00:00")}
    log.add("quarantine", source=log.source, record_text="{}", reason="broken", **seen)
    inventory = SmallInventory(log, "2026-04-01 00:00")
    inventory.policy("policy-daily", "FREQ=DAILY;BYHOUR=1")
    inventory.vault("vault-daily", policy="policy-daily", size_gb=10, used_mb=5_000)
    inventory.member("vault-daily", "daily-0")
    inventory.backup("backup", "daily-0", "2026-03-31 01:00")
    inventory.protectable("in-no-vault", tags=["team=1"])
    return log.publish(tmp_path_factory.mktemp("attached") / "warehouse.duckdb")


def answers(connection: duckdb.DuckDBPyConnection, alias: str, *, macros: bool) -> dict[str, Rows]:
    """The full content of every table, view and (under the file's own name) macro."""
    objects = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 UNION "
        "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal",
        [alias],
    ).fetchall()
    queries = {f"{schema}.{name}": f'FROM "{alias}".{schema}.{name}' for schema, name in objects}
    if macros:
        queries |= {name: f'FROM "{alias}".analytics.{name}({given})' for name, given in MACROS.items()}
    return {name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()}


@pytest.fixture(scope="module")
def own(published: Path) -> dict[str, Rows]:
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return answers(connection, "warehouse", macros=True)


def nothing(_connection: duckdb.DuckDBPyConnection, _names: set[tuple[str, str]]) -> None:
    """A session without anything of its own."""


def tables(connection: duckdb.DuckDBPyConnection, names: set[tuple[str, str]]) -> None:
    """Tables of the same names in the same schemas of the session's own database."""
    for schema in {schema for schema, _ in names} - {"main"}:
        connection.execute(f"CREATE SCHEMA memory.{schema}")
    for schema, name in names:
        connection.execute(f"CREATE TABLE memory.{schema}.{name} AS SELECT 'hostile' AS source")


def in_main(connection: duckdb.DuckDBPyConnection, names: set[tuple[str, str]]) -> None:
    """All of the names in the session's default schema."""
    for name in {name for _, name in names}:
        connection.execute(f"CREATE TABLE memory.main.{name} AS SELECT 'hostile' AS source")


def temporary(connection: duckdb.DuckDBPyConnection, names: set[tuple[str, str]]) -> None:
    """All of the names as temporary tables, which come before all others."""
    for name in {name for _, name in names}:
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT 'hostile' AS source")


def in_path(connection: duckdb.DuckDBPyConnection, names: set[tuple[str, str]]) -> None:
    """All of the names in a schema that the session searches first."""
    connection.execute("CREATE SCHEMA memory.mine")
    for name in {name for _, name in names}:
        connection.execute(f"CREATE TABLE memory.mine.{name} AS SELECT 'hostile' AS source")
    connection.execute("SET search_path = 'memory.mine'")


def settings(connection: duckdb.DuckDBPyConnection, _names: set[tuple[str, str]]) -> None:
    """Settings of the session that change how a query without explicit words is read."""
    connection.execute("SET default_null_order = 'nulls_first'")
    connection.execute("SET default_order = 'desc'")
    connection.execute("SET integer_division = true")


@pytest.mark.parametrize("alias", ["warehouse", "w", "prod", "Ordner mit Lücke", "tasks", "attempt"])
@pytest.mark.parametrize("prepare", [nothing, tables, in_main, temporary, in_path, settings])
def test_every_object_answers_alike_under_any_alias(
    published: Path,
    own: dict[str, Rows],
    prepare: Callable[[duckdb.DuckDBPyConnection, set[tuple[str, str]]], None],
    alias: str,
) -> None:
    names = {(name.split(".")[0], name.split(".")[1]) for name in own if "." in name}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        prepare(connection, names)
        connection.execute(f"ATTACH '{published}' AS \"{alias}\" (READ_ONLY)")
        found = answers(connection, alias, macros=alias == "warehouse")
    assert found == {name: own[name] for name in found}
    assert found.keys() == (own.keys() if alias == "warehouse" else own.keys() - MACROS.keys())


def test_no_object_is_left_out(own: dict[str, Rows]) -> None:
    for view in views():
        assert (view.name if view.kind == "macro" else f"analytics.{view.name}") in own
    empty = {name for name, rows in own.items() if not rows}
    assert not empty & {"analytics.data_quality", "analytics.missed_backups", "as_known_at", "exposure"}


def test_no_view_reads_a_schema_that_a_temporary_table_could_shadow() -> None:
    for view in views():
        if view.kind == "view":
            assert not re.search(r"\bmain\.", view.body), view.name
        else:
            assert not re.search(r"(?<!warehouse\.)\b(main|analytics)\.", view.qualified_body), view.name
