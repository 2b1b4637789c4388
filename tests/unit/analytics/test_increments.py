"""Base tables that follow changed partitions are the same as base tables made whole."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from cbr_warehouse.analytics import fill_tables, follow_changes
from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.analytics.catalogue import BASE, Definition
from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.small_log import SmallLog, backup_of
from support.small_warehouse import Analytics, open_analytics

START = datetime(2026, 3, 1, tzinfo=UTC)
COMPARED = (*BASE, "source_clock", "source_watermark", "as_of")


class History:
    """A log of two sources that goes on, and whose tasks change, by chance.

    Args:
        seed: Seed of the chance.
        days: How long the log is before it is first loaded.
        changing: Probability that a task fails after all, between two loads.
    """

    def __init__(self, seed: int, days: int = 3, changing: float = 0.02) -> None:
        self.chance = random.Random(seed)
        self.changing = changing
        self.now = START + timedelta(days=days)
        self.tasks: list[dict[str, Any]] = []
        self.loads: list[tuple[datetime, str]] = []
        self.go_on(hours=24 * days)

    def go_on(self, hours: int) -> None:
        """Some tasks begin, some end, and the sources are loaded."""
        chance = self.chance
        for task in self.tasks:
            if task["status"] == "running" and chance.random() < 0.6:
                task.update(status=chance.choice(("success", "failed")), error_code="BackupService.7101")
            if chance.random() < self.changing:
                task.update(status="failed", error_code="BackupService.9910")
            if "checkpoint_id" in task and chance.random() < self.changing:
                task.update(checkpoint_id=None)
        for _ in range(chance.randrange(3 * min(hours, 150))):
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
        columns: dict[str, dict[str, Any]] = {
            "backup": {
                "backup_id": point,
                "policy_id": chance.choice(("daily", "hourly", "", "weekly")),
                "checkpoint_id": chance.choice(
                    (None, None, "", f"checkpoint-{len(self.tasks) // 4}", "shared")
                ),
            },
            "delete": {"delete_backup_id": point},
            "restore": {"restore_backup_id": point},
            "replication": {"source_backup_id": point},
        }
        resource = chance.choice((None, *(f"disk-{number}" for number in (0, 0, 0, 1, 1, 2, 3, 4, 5))))
        if chance.random() < 0.02:
            resource = f"rare-{chance.randrange(4)}"
        if columns.get(kind, {}).get("policy_id") == "weekly":
            columns[kind]["checkpoint_id"] = chance.choice((None, f"checkpoint-{created_at:%d%H}"))
        if kind == "backup":
            created_at = created_at.replace(minute=0) + timedelta(minutes=chance.choice((0, 1, 40)))
        return {
            "operation_type": kind,
            "created_at": created_at,
            "resource": None if kind == "vault_delete" else resource or "disk-0",
            "status": chance.choice(("success", "success", "success", "failed", "skipped", "running")),
            "task_id": f"task-{chance.randrange(1000):03d}-{len(self.tasks):05d}",
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


def fill(analytics: Analytics, fresh: Analytics) -> set[tuple[str, str]]:
    """Replaces the rows of the tables by those of another warehouse and returns the days that differ."""
    connection = analytics.without_views
    columns = "source, day::VARCHAR AS day, * EXCLUDE (source, day)"
    before = set(map(str, connection.execute(f"SELECT {columns} FROM tasks").fetchall()))
    rows = fresh.without_views.execute(f"SELECT {columns} FROM tasks").fetchall()
    changed = {(row[0], row[1]) for row in rows if str(row) not in before}
    for table in ("tasks", "resources", "replications", "task_versions", "loads", "coverage"):
        data = fresh.without_views.sql(f"FROM {table}").to_arrow_table()
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
            patched.setattr(fill_tables, "DELETIONS_AT_ONCE", rows)
        yield


def base_rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(f"FROM analytics.{table}").fetchall(), key=str)


@pytest.mark.parametrize(
    ("seed", "days", "changing", "share"),
    [
        (0, 3, 0.02, None),
        (1, 3, 0.02, None),
        (2, 3, 0.02, 5),
        (3, 3, 0.02, 40),
        (4, 100, 0.003, None),
        (5, 100, 0.003, 40),
        (6, 200, 0, None),
    ],
)
def test_increments_are_the_same_as_all_at_once(
    seed: int, days: int, changing: float, share: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so they are if they are made from a few tasks or backups at a time, and after months of history."""
    history = History(seed, days, changing)
    with in_shares(share, monkeypatch):
        followed = open_analytics(history.log().tables, AnalyticsSettings())
    for hours in (1, 6, 0, 24, 1):
        if hours:
            history.go_on(hours)
        else:  # a load without news: time goes on, and nothing else
            history.now += timedelta(hours=5)
            history.loads += [(history.now, "one"), (history.now, "two")]
        log = history.log()
        whole = open_analytics(log.tables, AnalyticsSettings())
        changed = fill(followed, whole)
        assert bool(hours) or not changed
        with in_shares(share, monkeypatch):
            bring_up(followed.without_views, AnalyticsSettings(), changed)
        for table in COMPARED:
            found = base_rows(followed.without_views, table)
            assert found == base_rows(whole.without_views, table), (hours, table)
        assert base_rows(whole.without_views, "attempt")


def followed_and_whole(before: SmallLog, after: SmallLog, table: str) -> tuple[Any, Any]:
    followed = open_analytics(before.tables, AnalyticsSettings())
    whole = open_analytics(after.tables, AnalyticsSettings())
    bring_up(followed.without_views, AnalyticsSettings(), fill(followed, whole))
    return base_rows(followed.without_views, table), base_rows(whole.without_views, table)


def backups(*told: tuple[str, str, str, str | None]) -> SmallLog:
    """Backups of a schedule: task id, resource, time of day and checkpoint of each; ids with an f failed."""
    log = SmallLog(watermark=None)
    log.load(START + timedelta(days=2), source="one")
    for task_id, resource, time_of_day, checkpoint_id in told:
        hour, minute = map(int, time_of_day.split(":"))
        log.task(
            "backup",
            START + timedelta(hours=hour, minutes=minute),
            task_id=task_id,
            resource=resource,
            source="one",
            policy_id="policy",
            checkpoint_id=checkpoint_id,
            status="failed" if task_id.startswith("f") else "success",
        )
    return log


def test_a_streak_that_ended_in_the_moment_of_the_success_after_it_stays() -> None:
    told = [("f1", "disk", "01:00", None), ("g2", "disk", "01:00", None)]
    news = ("f3", "disk", "04:00", None)
    found, expected = followed_and_whole(backups(*told), backups(*told, news), "streak")
    assert len(expected) == 2
    assert found == expected


def test_runs_that_a_checkpoint_no_longer_joins_are_made_again() -> None:
    """Before, the checkpoint of the last task made one series of all of them, of two runs."""
    told = [("a", "one", "00:00", "c"), ("b", "two", "01:00", None), ("d", "one", "02:00", None)]
    before, after = (
        backups(*told, ("e", "three", "05:00", "c")),
        backups(*told, ("e", "three", "05:00", None)),
    )
    found, expected = followed_and_whole(before, after, "schedule_run")
    assert len(expected) == 4
    assert found == expected


@pytest.mark.parametrize(
    ("checkpoints", "since"),
    [
        ((None, None, None), 6),
        ((None, "c", "c"), 3),
        (("c", "c", "d"), 6),
        (("b", "c", "c"), 3),
        (("c", None, "c"), 0),
        (("c", "c", "c"), 0),
    ],
)
def test_runs_are_made_again_from_the_first_that_a_checkpoint_joins(
    checkpoints: tuple[str | None, ...], since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of one schedule began at 0, 3 and 6 o'clock; one more task of the last comes."""
    told = [(f"g{n}", "disk", f"{3 * n:02}:00", one) for n, one in enumerate(checkpoints)]
    asked: list[datetime] = []

    def look(connection: duckdb.DuckDBPyConnection, table: Definition) -> bool:
        rows = connection.execute("SELECT greatest(since, $1) FROM touched_schedule", [START]).fetchall()
        asked.extend(row[0] for row in rows)
        return update_runs(connection, table)

    update_runs = follow_changes._UPDATES["schedule_run"]
    monkeypatch.setitem(follow_changes._UPDATES, "schedule_run", look)
    news = ("g9", "volume", "06:10", checkpoints[-1])
    found, expected = followed_and_whole(backups(*told), backups(*told, news), "schedule_run")
    assert asked == [START + timedelta(hours=since)]
    assert found == expected


def test_a_load_without_news_writes_no_base_table_of_tasks() -> None:
    """Every load made the runs, the open tasks and the resources again from all attempts."""
    history = History(7)
    analytics = open_analytics(history.log().tables, AnalyticsSettings())
    connection = analytics.without_views
    written = ("attempt", "schedule_run", "resource_day", "recovery_point", "streak", "deletion", "resource")
    for table in written:
        connection.execute(f"ALTER TABLE analytics.{table} RENAME TO kept_{table}")
        connection.execute(f"CREATE VIEW analytics.{table} AS FROM analytics.kept_{table}")
    connection.execute("INSERT INTO loads BY NAME SELECT * REPLACE ('z' AS load_id) FROM loads LIMIT 1")
    bring_up(connection, AnalyticsSettings(), ())  # a view cannot be written to
    assert base_rows(connection, "resource")


def test_a_source_without_tasks_may_join_when_nothing_else_changed() -> None:
    """Its clock alone is new, and the base tables of attempts follow clocks."""
    analytics = open_analytics(History(3).log().tables, AnalyticsSettings())
    connection = analytics.without_views
    before = base_rows(connection, "attempt")
    connection.execute(
        "INSERT INTO loads BY NAME SELECT * REPLACE ('z' AS load_id, 'three' AS source) FROM loads LIMIT 1"
    )
    bring_up(connection, AnalyticsSettings(), ())
    assert "three" in {row[0] for row in base_rows(connection, "source_clock")}
    assert base_rows(connection, "attempt") == before


def test_the_age_of_a_deletion_follows_the_backup_that_it_deleted() -> None:
    """Afterwards one backup turns out to have ended later, and the other to have failed."""
    before, after = SmallLog(), SmallLog()
    for log, minutes, status in ((before, 30, "success"), (after, 90, "failed")):
        for name, given in (("longer", {"minutes": minutes}), ("failed", {"status": status})):
            log.backup("disk", "2026-02-01 01:00", task_id=name, source="one", **given)
            at = datetime(2026, 2, 20, 12, tzinfo=UTC)
            log.task("delete", at, task_id=f"of-{name}", source="one", delete_backup_id=backup_of(name))
    found, expected = followed_and_whole(before, after, "deletion")
    assert [row[4] for row in expected] == ["unknown_birth", "retention"]
    assert found == expected
