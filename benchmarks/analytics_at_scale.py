# ruff: noqa: E501  # the SQL reads better so
"""How long the analytics take on many tasks: the base tables made anew, an hourly increment, and every view.

Run: python benchmarks/analytics_at_scale.py [--resources 15000] [--days 90]. The tasks are drawn by SQL straight
into the warehouse's tables: what is measured here begins where a load has ended.
"""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.analytics.catalogue import views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.tables.engine import limit_memory, open_engine
from cbr_warehouse.warehouse.build import analytics_megabytes
from cbr_warehouse.warehouse.database_file import attached
from cbr_warehouse.warehouse.ddl import create_statements

DRAWN = """
CREATE TEMP TABLE machine AS
SELECT
    m AS machine,
    md5('r' || m) AS resource_id,
    'ecs-' || lpad(m::VARCHAR, 5, '0') AS resource_name,
    CASE WHEN m % 10 < 7 THEN 'OS::Nova::Server' ELSE 'OS::Cinder::Volume' END AS resource_type,
    md5('v' || m // 40) AS vault_id,
    'vault-' || m // 40 AS vault_name,
    md5('p' || m // 40) AS policy_id,
    (m // 40) % 5 AS slot_hour,
    CASE WHEN m % 50 = 0 THEN 4 ELSE 1 END AS slots,
    m % 420 AS sick_from
FROM range(?) AS t(m);

CREATE TEMP TABLE drawn AS
SELECT
    m.*,
    d AS day_no,
    s AS slot,
    TIMESTAMPTZ '2026-08-01 00:00:00+00' + d * INTERVAL 1 DAY + (m.slot_hour + s * 6) * INTERVAL 1 HOUR
        + (random() * 2000)::INTEGER * INTERVAL 1 MILLISECOND AS created_at,
    random() AS chance,
    60 + (random() * 600)::INTEGER AS seconds,
    d >= m.sick_from AND d < m.sick_from + 4 AS is_sick
FROM machine AS m, range(?) AS dd(d), range(m.slots) AS ss(s);

INSERT INTO tasks BY NAME
SELECT
    'prod' AS source, created_at::DATE AS day, md5('b' || machine || '/' || day_no || '/' || slot) AS task_id,
    'backup' AS operation_type,
    CASE WHEN is_sick OR chance < 0.01 THEN 'failed' WHEN chance < 0.011 THEN 'skipped' ELSE 'success' END AS status,
    'project' AS project_id, 'provider' AS provider_id, policy_id, md5('c' || vault_name || day_no) AS checkpoint_id,
    vault_id, vault_name, created_at, created_at + INTERVAL 20 SECOND AS started_at,
    created_at + (20 + seconds) * INTERVAL 1 SECOND AS ended_at,
    created_at + (20 + seconds) * INTERVAL 1 SECOND AS updated_at,
    CASE WHEN is_sick THEN 'BackupService.7101' WHEN chance < 0.01 THEN 'BackupService.9910' END AS error_code,
    100 AS progress, 'backup-' || task_id AS backup_id, 'autobk_' || machine AS backup_name,
    day_no % 30 <> machine % 30 AS backup_incremental, '{}' AS extra
FROM drawn;

INSERT INTO tasks BY NAME
SELECT
    source, (created_at + INTERVAL 7 DAY)::DATE AS day, md5('d' || task_id) AS task_id, 'delete' AS operation_type,
    'success' AS status, project_id, provider_id, vault_id, vault_name,
    created_at + INTERVAL '7 days 9 hours' AS created_at, created_at + INTERVAL '7 days 9 hours' AS started_at,
    created_at + INTERVAL '7 days 9 hours 20 seconds' AS ended_at,
    created_at + INTERVAL '7 days 9 hours 20 seconds' AS updated_at,
    100 AS progress, backup_id AS delete_backup_id, backup_name AS delete_backup_name, '{}' AS extra
FROM tasks
WHERE operation_type = 'backup' AND status = 'success'
    AND created_at < (SELECT max(created_at) - INTERVAL 8 DAY FROM tasks);

CREATE TEMP TABLE copied AS
SELECT t.*, md5('x' || task_id) AS copy_id
FROM tasks AS t JOIN machine AS m ON m.vault_id = t.vault_id AND t.backup_name = 'autobk_' || m.machine
WHERE operation_type = 'backup' AND status = 'success' AND resource_type = 'OS::Nova::Server';

INSERT INTO tasks BY NAME
SELECT
    source, (created_at + INTERVAL 5 HOUR)::DATE AS day, copy_id AS task_id, 'replication' AS operation_type,
    'success' AS status, project_id, provider_id, vault_id, vault_name, policy_id,
    created_at + INTERVAL 5 HOUR AS created_at, created_at + INTERVAL 5 HOUR AS started_at,
    created_at + INTERVAL 6 HOUR AS ended_at, created_at + INTERVAL 6 HOUR AS updated_at, 100 AS progress, '{}' AS extra
FROM copied;

INSERT INTO replications BY NAME
SELECT source, (created_at + INTERVAL 5 HOUR)::DATE AS day, copy_id AS task_id, backup_id AS source_backup_id,
    'eu-nl' AS destination_region, 'copy-' || copy_id AS destination_backup_id FROM copied;

INSERT INTO resources BY NAME
SELECT t.source, t.day, t.task_id, 'target' AS role, 0 AS position, m.resource_id, m.resource_name, m.resource_type
FROM tasks AS t
JOIN machine AS m
    ON 'autobk_' || m.machine = coalesce(t.backup_name, t.delete_backup_name)
UNION ALL
SELECT c.source, (c.created_at + INTERVAL 5 HOUR)::DATE, c.copy_id, 'target', 0, m.resource_id, m.resource_name,
    m.resource_type
FROM copied AS c
JOIN machine AS m ON 'autobk_' || m.machine = c.backup_name;

INSERT INTO loads BY NAME
SELECT 'load' AS load_id, 'prod' AS source, max(created_at) AS started_at, 'incremental' AS purpose, 'done' AS outcome
FROM tasks;
"""


def main() -> None:
    """Draws, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=15_000)
    parser.add_argument("--days", type=int, default=90)
    wanted = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_engine(Path(folder)) as connection,
        attached(connection, Path(folder) / "warehouse.duckdb"),
    ):
        connection.execute("SET threads = 2")
        connection.execute("SET memory_limit = '8GB'")
        draw(connection, wanted.resources, wanted.days)
        limit_memory(connection, analytics_megabytes(connection))
        measure(connection)


def draw(connection: duckdb.DuckDBPyConnection, resources: int, days: int) -> None:
    """Fills the tables of a warehouse."""
    for statement in create_statements(read_contract()):
        connection.execute(statement)
    for statement in DRAWN.split(";"):
        if statement.strip():
            values = [resources] if "AS t(m)" in statement else [days] if "AS dd(d)" in statement else []
            connection.execute(statement, values)
    connection.execute("CHECKPOINT")
    print(f"{connection.execute('SELECT count(*) FROM tasks').fetchall()[0][0]:,} tasks drawn")


def measure(connection: duckdb.DuckDBPyConnection) -> None:
    """Prints how long everything takes, in seconds."""
    print(f"base tables anew          {timed(lambda: bring_up_whole(connection, [])):7.2f}")
    for name, changed in hours(connection):
        print(f"increment, {name:14} {timed(lambda days=changed: bring_up_whole(connection, days)):7.2f}")
    connection.execute("SET memory_limit = '8GB'")  # who asks is not bounded as a load is
    total = 0.0
    for view in views():
        if view.kind == "view":
            query = f"CREATE OR REPLACE TEMP TABLE answer AS SELECT * FROM analytics.{view.name}"
            took = timed(lambda query=query: connection.execute(query))
            total += took
            rows = connection.execute("SELECT count(*) FROM answer").fetchall()[0][0]
            print(f"{view.name:26}{took:7.2f}  {rows:,} rows")
    print(f"all views                 {total:7.2f}")


def bring_up_whole(connection: duckdb.DuckDBPyConnection, changed: list[tuple[str, str]]) -> None:
    """Brings the base tables up as a load does, until all of it stands in the file."""
    connection.execute("BEGIN")
    bring_up(connection, AnalyticsSettings(), changed)
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT")


def hours(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, list[tuple[str, str]]]]:
    """Changes as an hourly load makes them: some tasks, or a peak hour's, of the newest days get another end."""
    days = connection.execute(
        "SELECT DISTINCT source, day::VARCHAR FROM tasks ORDER BY 2 DESC LIMIT 3"
    ).fetchall()
    found = []
    for name, hour in (("quiet hour", 12), ("peak hour", 2)):
        connection.execute(
            "UPDATE tasks SET ended_at = ended_at + INTERVAL 1 SECOND WHERE hour(created_at) = $1 "
            "AND operation_type = 'backup' AND day = $2::DATE",
            [hour, days[1][1]],
        )
        found.append((name, days))
    connection.execute("CHECKPOINT")  # the tables' own change is not the analytics' work
    return found


def timed(what: object) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    what()  # type: ignore[operator]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
