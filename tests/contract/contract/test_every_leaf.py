"""Each leaf of the API's contract in turn: a value put there is found in the right column after a load."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.warehouse.build import build_warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIME = datetime(2026, 11, 19, 1, 2, 3, 456789, UTC)
PRINTED = "2026-11-19T01:02:03.456789"
RESOURCE = {"id": "resource_id", "name": "resource_name", "type": "resource_type"}
TARGET, REMOVED = "extra_info.resource", "extra_info.remove_resources.resources[]"

# Path, table, column, value as sent, value as held, and where in the table.
TEXTS = [
    ("operation_type", "operation_type"),
    ("status", "status"),
    ("project_id", "project_id"),
    ("provider_id", "provider_id"),
    ("policy_id", "policy_id"),
    ("checkpoint_id", "checkpoint_id"),
    ("vault_id", "vault_id"),
    ("vault_name", "vault_name"),
    ("error_info.code", "error_code"),
    ("error_info.message", "error_message"),
    ("extra_info.common.request_id", "request_id"),
    ("extra_info.common.task_id", "common_task_id"),
    ("extra_info.backup.backup_id", "backup_id"),
    ("extra_info.backup.backup_name", "backup_name"),
    ("extra_info.backup.app_consistency_status", "backup_app_consistency_status"),
    ("extra_info.backup.app_consistency_error_code", "backup_app_consistency_error_code"),
    ("extra_info.backup.app_consistency_error_message", "backup_app_consistency_error_message"),
    ("extra_info.delete.backup_id", "delete_backup_id"),
    ("extra_info.delete.backup_name", "delete_backup_name"),
    ("extra_info.restore.backup_id", "restore_backup_id"),
    ("extra_info.restore.backup_name", "restore_backup_name"),
    ("extra_info.restore.target_resource_id", "restore_target_resource_id"),
    ("extra_info.restore.target_resource_name", "restore_target_resource_name"),
    ("extra_info.update_expiration_time.expiration_day", "update_expiration_time_expiration_day"),
]
NUMBERS = [
    ("extra_info.common.progress", "progress"),
    ("extra_info.sync.sync_backup_num", "sync_backup_num"),
    ("extra_info.sync.delete_backup_num", "sync_delete_backup_num"),
    ("extra_info.sync.err_sync_backup_num", "sync_err_sync_backup_num"),
    ("extra_info.remove_resources.fail_count", "remove_resources_fail_count"),
    ("extra_info.remove_resources.total_count", "remove_resources_total_count"),
    ("extra_info.vault_delete.fail_count", "vault_delete_fail_count"),
    ("extra_info.vault_delete.fail_delete_count", "vault_delete_fail_count"),
    ("extra_info.vault_delete.total_count", "vault_delete_total_count"),
    ("extra_info.vault_delete.total_delete_count", "vault_delete_total_count"),
    (
        "extra_info.update_expiration_time.affected_backups_count",
        "update_expiration_time_affected_backups_count",
    ),
]
REPLICATION = [
    f"{side}_{field}"
    for side in ("source", "destination")
    for field in ("backup_id", "backup_name", "checkpoint_id", "project_id", "region")
]
LEAVES = (
    [("id", "tasks", "task_id", "the-id", "the-id")]
    + [(path, "tasks", column, "a value", "a value") for path, column in TEXTS]
    + [(path, "tasks", column, 7, 7) for path, column in NUMBERS]
    + [
        (path, "tasks", path, PRINTED, TIME)
        for path in ("created_at", "started_at", "ended_at", "updated_at")
    ]
    + [("extra_info.backup.incremental", "tasks", "backup_incremental", "false", False)]
    + [(f"extra_info.replication.{one}", "replications", one, "a value", "a value") for one in REPLICATION]
    + [
        (f"{place}.{key}", "resources", column, "a value", "a value")
        for place in (TARGET, REMOVED)
        for key, column in RESOURCE.items()
    ]
    + [
        (f"{place}.extra_info.{tail}", "resource_volumes", column, "a value", "a value")
        for place in (TARGET, REMOVED)
        for tail, column in (
            ("include_volumes[].id", "volume_id"),
            ("include_volumes[].os_version", "os_version"),
            ("exclude_volumes[]", "volume_id"),
        )
    ]
)


UNKNOWN = "extra_info.backup.new_thing"


def task_of(path: str, value: Any) -> str:
    """The id of the record with a value at a path."""
    return str(value) if path == "id" else f"with {path}"


def record_with(path: str, value: Any) -> dict[str, Any]:
    """A minimal record with a value at a path."""
    record: dict[str, Any] = {"id": task_of(path, value), "created_at": "2026-11-19T00:00:00"}
    here: Any = record
    steps = path.split(".")
    for step in steps[:-1]:
        here = here.setdefault(step.removesuffix("[]"), [{}] if step.endswith("[]") else {})
        here = here[0] if isinstance(here, list) else here
    last = steps[-1]
    here[last.removesuffix("[]")] = [value] if last.endswith("[]") else value
    return record


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with a record for each leaf, taken there all the way from the response; only read.

    One connection for all questions: to open the file takes longer than to answer one.
    """
    directory, contract = DataDirectory(tmp_path_factory.mktemp("leaves")), read_contract()
    write_load(directory, LoadEntry("L1", "prod", NOW, "incremental"))
    landing = Landing(
        directory, "prod", "L1", validator=RecordValidator(contract), contract=contract.fingerprint
    )
    records = [record_with(path, sent) for path, _, _, sent, _ in LEAVES]
    records.append(record_with(UNKNOWN, 1))
    texts = tuple(json.dumps(record).encode() for record in records)
    landing.land(ReceivedPage(texts, len(texts), 0, NOW))
    landing.flush()
    make_tables(directory, "prod", contract)
    build_warehouse(directory, contract, AnalyticsSettings())
    with duckdb.connect(directory.warehouse, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def query(warehouse: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("path", "table", "column", "sent", "held"), LEAVES, ids=[leaf[0] for leaf in LEAVES]
)
def test_a_leaf_is_found_in_its_column(
    warehouse: duckdb.DuckDBPyConnection, path: str, table: str, column: str, sent: Any, held: Any
) -> None:
    own = f"WHERE task_id = '{task_of(path, sent)}'"
    assert query(warehouse, f"SELECT {column} FROM {table} {own}") == [(held,)]
    assert query(warehouse, f"SELECT extra FROM tasks {own}") == [("{}",)]


def test_every_record_is_a_task_and_none_is_refused(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert query(warehouse, "SELECT count(*) FROM tasks") == [(len(LEAVES) + 1,)]
    assert query(warehouse, "SELECT count(*) FROM quarantine") == [(0,)]


@pytest.mark.parametrize("table", ["resources", "resource_volumes", "replications"])
def test_a_record_without_such_leaves_has_no_row(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    wanted = {task_of(path, sent) for path, of, _, sent, _ in LEAVES if of == table}
    if table == "resources":  # the volumes are those of a resource
        wanted |= {task_of(path, sent) for path, of, _, sent, _ in LEAVES if of == "resource_volumes"}
    assert {row[0] for row in query(warehouse, f"SELECT task_id FROM {table}")} == wanted


def test_an_unknown_leaf_is_kept_in_extra(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert query(warehouse, f"SELECT extra FROM tasks WHERE task_id = '{task_of(UNKNOWN, 1)}'") == [
        ('{"extra_info":{"backup":{"new_thing":1}}}',)
    ]
