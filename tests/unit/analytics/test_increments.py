"""Base tables that follow changed partitions are the same as base tables made whole."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from cbr_warehouse.analytics import fill_tables
from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.analytics.catalogue import BASE
from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog
from support.small_warehouse import Analytics, open_analytics

START = datetime(2026, 3, 1, tzinfo=UTC)
COMPARED = (*BASE, "source_clock", "source_watermark", "as_of")


class History:
    """A log of two sources that goes on, and whose tasks change, by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START + timedelta(days=3)
        self.tasks: list[dict[str, Any]] = []
        self.loads: list[tuple[datetime, str]] = []
        self.go_on(hours=72)

    def go_on(self, hours: int) -> None:
        """Some tasks begin, some end, and the sources are loaded."""
        chance = self.chance
        for task in self.tasks:
            if task["status"] == "running" and chance.random() < 0.6:
                task.update(status=chance.choice(("success", "failed")), error_code="BackupService.7101")
            if chance.random() < 0.02:
                task.update(status="failed", error_code="BackupService.9910")
        for _ in range(chance.randrange(3 * hours)):
            self.tasks.append(self._task(self.now - timedelta(minutes=chance.randrange(60 * hours))))
        for task in self.tasks:
            if not task["seen"] or task["seen"][-1][1] != task["status"]:
                task["seen"].append((self.now, task["status"]))
        self.loads += [(self.now, source) for source in ("one", "two") if chance.random() < 0.8]
        self.now += timedelta(hours=hours)

    def _task(self, created_at: datetime) -> dict[str, Any]:
        chance = self.chance
        kind = chance.choice(
            ("backup",) * 6 + ("delete", "replication", "restore", "remove_resource", "vault_delete")
        )
        point = f"point-{chance.randrange(30)}"
        columns = {
            "backup": {"backup_id": point, "policy_id": chance.choice(("daily", "hourly", ""))},
            "delete": {"delete_backup_id": point},
            "restore": {"restore_backup_id": point},
            "replication": {"source_backup_id": point},
        }
        resource = chance.choice((None, *(f"disk-{number}" for number in range(6))))
        if kind == "backup":
            created_at = created_at.replace(minute=0) + timedelta(minutes=chance.choice((0, 1, 40)))
        return {
            "operation_type": kind,
            "created_at": created_at,
            "resource": None if kind == "vault_delete" else resource or "disk-0",
            "status": chance.choice(("success", "success", "success", "failed", "skipped", "running")),
            "task_id": f"task-{len(self.tasks):05d}",
            "source": chance.choice(("one", "two")),
            "vault_id": chance.choice(("vault-1", "vault-2")),
            "seen": [],
        } | columns.get(kind, {})

    def log(self) -> SmallLog:
        """What the warehouse holds now."""
        log = SmallLog(watermark=None)
        for started_at, source in self.loads:
            log.load(started_at, source=source)
        for task in self.tasks:
            told = dict(task)
            point = told.pop("source_backup_id", None)
            seen = told.pop("seen")
            task_id = log.task(told.pop("operation_type"), told.pop("created_at"), **told)
            log.see(task_id, *((moment, {"status": status}) for moment, status in seen))
            if point:
                day = task["created_at"].date()
                log.add(
                    "replications", source=task["source"], day=day, task_id=task_id, source_backup_id=point
                )
        return log


def fill(analytics: Analytics, log: SmallLog) -> set[tuple[str, str]]:
    """Replaces the rows of the tables and returns the days that differ."""
    connection = analytics.connection
    columns = "source, day::VARCHAR AS day, * EXCLUDE (source, day)"
    before = set(map(str, connection.execute(f"SELECT {columns} FROM tasks").fetchall()))
    fresh = open_analytics(log.tables, log.settings)
    rows = fresh.connection.execute(f"SELECT {columns} FROM tasks").fetchall()
    changed = {(row[0], row[1]) for row in rows if str(row) not in before}
    for table in ("tasks", "resources", "replications", "task_versions", "loads", "coverage"):
        data = fresh.connection.sql(f"FROM {table}").to_arrow_table()
        connection.register("rows_now", data)
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows_now")
        connection.unregister("rows_now")
    return changed


@contextmanager
def in_shares(rows: int | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        if rows is not None:
            patched.setattr(fill_tables, "SHARE_ROWS", rows)
        yield


def base_rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(f"FROM analytics.{table}").fetchall(), key=str)


@pytest.mark.parametrize(("seed", "share"), [(0, None), (1, None), (2, 5), (3, 40)])
def test_increments_are_the_same_as_all_at_once(
    seed: int, share: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so they are if they are made from a few tasks or backups at a time."""
    history = History(seed)
    with in_shares(share, monkeypatch):
        followed = open_analytics(history.log().tables, AnalyticsSettings())
    for hours in (1, 6, 0, 24, 1):
        if hours:
            history.go_on(hours)
        else:  # a load without news: time goes on, and nothing else
            history.now += timedelta(hours=5)
            history.loads += [(history.now, "one"), (history.now, "two")]
        log = history.log()
        changed = fill(followed, log)
        assert bool(hours) or not changed
        with in_shares(share, monkeypatch):
            bring_up(followed.connection, AnalyticsSettings(), changed)
        whole = open_analytics(log.tables, AnalyticsSettings())
        for table in COMPARED:
            found = base_rows(followed.connection, table)
            assert found == base_rows(whole.connection, table), (hours, table)
        assert base_rows(whole.connection, "attempt")


def test_a_load_without_news_writes_no_base_table_of_tasks() -> None:
    """Every load made the runs, the open tasks and the resources again from all attempts."""
    history = History(7)
    analytics = open_analytics(history.log().tables, AnalyticsSettings())
    connection = analytics.connection
    for table in ("attempt", "schedule_run", "resource_day", "recovery_point", "streak", "resource"):
        connection.execute(f"ALTER TABLE analytics.{table} RENAME TO kept_{table}")
        connection.execute(f"CREATE VIEW analytics.{table} AS FROM analytics.kept_{table}")
    connection.execute("INSERT INTO loads BY NAME SELECT * REPLACE ('z' AS load_id) FROM loads LIMIT 1")
    bring_up(connection, AnalyticsSettings(), ())  # a view cannot be written to
    assert base_rows(connection, "resource")
