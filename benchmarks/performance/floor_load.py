"""The least that the same result takes: DuckDB alone, from a local file of the same records.

Parses and flattens the records into three Parquet files and loads them into a committed DuckDB file. No
HTTP, no validation, no exact text kept, no versions, no partitions, no counts, no analytics.
Run: python floor_load.py FILE FOLDER
"""

import sys
from pathlib import Path

import duckdb

RESOURCE = """STRUCT(id VARCHAR, name VARCHAR, type VARCHAR, extra_info STRUCT(
    include_volumes STRUCT(id VARCHAR, os_version VARCHAR)[], exclude_volumes VARCHAR[]))"""
TARGET = ("target_resource_id", "target_resource_name")
COPIED = ("backup_id", "backup_name", "checkpoint_id", "project_id", "region")
BLOCKS = {
    "common": {"progress": "BIGINT", "request_id": "VARCHAR", "task_id": "VARCHAR"},
    "backup": {
        "backup_id": "VARCHAR",
        "backup_name": "VARCHAR",
        "incremental": "BOOLEAN",
        "app_consistency_status": "VARCHAR",
        "app_consistency_error_code": "VARCHAR",
        "app_consistency_error_message": "VARCHAR",
    },
    "delete": {"backup_id": "VARCHAR", "backup_name": "VARCHAR"},
    "sync": {"sync_backup_num": "BIGINT", "delete_backup_num": "BIGINT", "err_sync_backup_num": "BIGINT"},
    "restore": dict.fromkeys(("backup_id", "backup_name", *TARGET), "VARCHAR"),
    "vault_delete": {"fail_count": "BIGINT", "total_count": "BIGINT"},
    "replication": {f"{side}_{name}": "VARCHAR" for side in ("source", "destination") for name in COPIED},
    "remove_resources": {"fail_count": "BIGINT", "total_count": "BIGINT", "resources": f"{RESOURCE}[]"},
}
STRUCTS = [
    f'"{block}" STRUCT({", ".join(f"{name} {kind}" for name, kind in fields.items())})'
    for block, fields in BLOCKS.items()
]
LEAVES = ", ".join(
    f'extra_info."{block}".{name} AS {name if block == "common" else f"{block}_{name}"}'
    for block, fields in BLOCKS.items()
    for name in fields
    if name != "resources"
)
TEXTS = (
    "id",
    "operation_type",
    "status",
    "project_id",
    "provider_id",
    "policy_id",
    "checkpoint_id",
    "vault_id",
)
COLUMNS = dict.fromkeys((*TEXTS, "vault_name"), "VARCHAR") | {
    "created_at": "TIMESTAMP",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "updated_at": "TIMESTAMP",
    "error_info": "STRUCT(code VARCHAR, message VARCHAR)",
    "extra_info": f"STRUCT({', '.join(STRUCTS)}, resource {RESOURCE})",
}
TABLES = {
    "tasks": f"""SELECT * EXCLUDE (error_info, extra_info), error_info.code AS error_code,
        error_info.message AS error_message, {LEAVES}
        FROM records""",
    "resources": """SELECT id AS task_id, 'target' AS role, 0 AS position,
        extra_info.resource.id AS resource_id, extra_info.resource.name AS resource_name,
        extra_info.resource.type AS resource_type
        FROM records WHERE extra_info.resource IS NOT NULL
        UNION ALL SELECT id, 'removed', place - 1, one.id, one.name, one.type
        FROM (SELECT id, unnest(extra_info.remove_resources.resources) AS one,
            generate_subscripts(extra_info.remove_resources.resources, 1) AS place FROM records)""",
    "resource_volumes": """SELECT task_id, role, unnest(included, recursive := true) FROM (
            SELECT id AS task_id, 'target' AS role, extra_info.resource.extra_info.include_volumes AS included
            FROM records UNION ALL SELECT id, 'removed', one.extra_info.include_volumes
            FROM (SELECT id, unnest(extra_info.remove_resources.resources) AS one FROM records))
        UNION ALL SELECT id, 'excluded', unnest(extra_info.resource.extra_info.exclude_volumes), NULL
        FROM records""",
}


def main(file: str, folder: str) -> None:
    """Loads into ``tasks.duckdb`` and three Parquet files in a folder."""
    with duckdb.connect(str(Path(folder) / "tasks.duckdb")) as connection:
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
        connection.execute(
            "CREATE TEMP TABLE records AS SELECT * FROM read_json($1, format = 'newline_delimited', "
            f"records = true, columns = {{{columns}}})",
            [file],
        )
        for name, query in TABLES.items():
            target = str(Path(folder) / f"{name}.parquet")
            connection.execute(f"COPY ({query}) TO '{target}' (COMPRESSION zstd)")
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet($1)", [target])


if __name__ == "__main__":
    main(*sys.argv[1:])
