"""A small log written row by row, then the warehouse and its analytics in memory.

A test tells what happened, asks for the views and compares them with numbers worked out by hand::

    log = SmallLog(watermark="2026-03-10 00:00")
    log.backup("disk-1", "2026-03-09 01:00", status="failed", error_code="BackupService.9910")
    rows = log.open().rows("unresolved_failures")

Times are UTC unless they carry another zone. Everything not told has an ordinary value.
"""

import json
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.kept_folder import kept_folder
from support.small_warehouse import Analytics, open_analytics

SOURCE, POLICY, VAULT = "main", "policy-1", "vault-1"
SERVER = "OS::Nova::Server"
PROVIDER = "0daac4c5-6707-4851-97ba-169e36266b66"
ENDED = ("success", "failed", "timeout", "skipped")

Moment = str | datetime

_PUBLISHED: dict[str, Path] = {}
"""Published files by what is in them."""


def at(moment: Moment) -> datetime:
    """Parses a text such as ``2026-03-10 01:00`` as UTC."""
    told = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)


class SmallLog:
    """Tasks of a few resources, and the coverage of their days."""

    def __init__(
        self,
        watermark: Moment | None = "2026-03-10 00:00",
        settings: AnalyticsSettings | None = None,
        source: str = SOURCE,
    ) -> None:
        """Begins a log.

        Args:
            watermark: When the one finished load of the source began; None for none.
            settings: What the analytics are set to.
            source: Name of the source that tasks belong to when not told.
        """
        self.source = source
        self.settings = settings or AnalyticsSettings()
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self._tasks: dict[str, list[dict[str, Any]]] = {}
        self._ids = 0
        if watermark is not None:
            self.load(watermark)

    def add(self, table: str, **row: Any) -> Self:
        """Adds a row to a table of the contract."""
        self.tables.setdefault(table, []).append(row)
        if table == "tasks":
            self._tasks.setdefault(row["task_id"], []).append(row)
        return self

    def load(
        self,
        started_at: Moment,
        *,
        source: str | None = None,
        outcome: str = "done",
        until: Moment | None = None,
        purpose: str | None = None,
    ) -> Self:
        """Adds a load of a source, which determines the watermark; it takes a minute."""
        begun = at(started_at)
        load_id = f"{begun:%Y%m%dT%H%M%S%fZ}-{len(self.tables.get('loads', ())):08x}"
        return self.add(
            "loads",
            load_id=load_id,
            source=source or self.source,
            started_at=begun,
            finished_at=begun + timedelta(minutes=1),
            purpose=purpose or ("incremental" if until is None else "range"),
            until=until and at(until),
            outcome=outcome,
        )

    def cover(self, *days: str, state: str = "complete", source: str | None = None, **told: Any) -> Self:
        """Adds coverage of UTC days."""
        for day in days:
            counts = {"counted": 0, "held": 0, "quarantined": 0, "expired": 0}
            key = {
                "reason": None,
                "source": source or self.source,
                "day": date.fromisoformat(day),
                "state": state,
            }
            self.add("coverage", **{"checked_at": at(day)} | counts | key | told)
        return self

    def task(
        self,
        operation_type: str,
        created_at: Moment,
        *,
        resource: str | None = None,
        resource_name: str | None = None,
        resource_type: str | None = SERVER,
        status: str = "success",
        minutes: float = 10,
        task_id: str | None = None,
        source: str | None = None,
        **columns: Any,
    ) -> str:
        """Adds a task.

        Args:
            operation_type: Its type.
            created_at: When it was created; it starts then too.
            resource: Its primary resource; None for none.
            resource_name: That one's name; its id when not told.
            resource_type: That one's type.
            status: Its status; one that is no end has no ``ended_at``.
            minutes: How long it took.
            task_id: Its id; made up when not told.
            source: Its source.
            columns: Any other column of ``tasks``, and those told otherwise.

        Returns:
            Its id.
        """
        self._ids += 1
        source, created = source or self.source, at(created_at)
        task_id = task_id or f"task-{self._ids:06}"
        ended = created + timedelta(minutes=minutes) if status in ENDED else None
        key = {"source": source, "day": created.date(), "task_id": task_id}
        row = key | {
            "operation_type": operation_type,
            "status": status,
            "project_id": "project-1",
            "provider_id": PROVIDER,
            "vault_id": VAULT,
            "vault_name": columns.get("vault_id", VAULT),
            "created_at": created,
            "started_at": None if status == "waiting" else created,
            "ended_at": ended,
            "updated_at": ended or created,
            "progress": 100 if ended else 50,
            "extra": json.dumps({}),
        }
        times = {
            name: at(told) if isinstance(told, str) else told
            for name, told in columns.items()
            if name in ("started_at", "ended_at", "updated_at")
        }
        self.add("tasks", **row | columns | times)
        if resource is not None:
            name = resource if resource_name is None else resource_name
            self._resource(key, "target", 0, resource, name, resource_type)
        return task_id

    def backup(self, resource: str | None, created_at: Moment, **columns: Any) -> str:
        """Adds a scheduled backup task; returns its id, to which ``backup_of`` belongs.

        Takes what ``task`` takes; ``policy_id=None`` makes it one on demand, ``full=True`` a full one.
        """
        columns = {"policy_id": POLICY} | columns
        full = columns.pop("full", False)
        kept = columns.pop("task_id", None) or f"task-{self._ids + 1:06}"
        scheduled = columns["policy_id"] is not None
        named: dict[str, Any] = {
            "backup_id": backup_of(kept),
            "backup_name": f"{'autobk' if scheduled else 'manualbk'}_{kept}",
            "backup_incremental": not full,
        }
        return self.task("backup", created_at, resource=resource, task_id=kept, **named | columns)

    def daily(self, resource: str, first: Moment, days: int, **columns: Any) -> list[str]:
        """Adds a scheduled backup at the same UTC time on each of some days."""
        return [self.backup(resource, at(first) + timedelta(days=day), **columns) for day in range(days)]

    def copy(self, task_id: str, created_at: Moment, region: str = "region-2", **columns: Any) -> str:
        """Adds a replication of the backup that a task made."""
        copied = self.task("replication", created_at, **columns)
        key = {name: self.tables["tasks"][-1][name] for name in ("source", "day", "task_id")}
        self.add(
            "replications",
            **key,
            source_backup_id=backup_of(task_id),
            destination_backup_id=f"copy-{copied}",
            destination_region=region,
        )
        return copied

    def delete(self, task_id: str, created_at: Moment, **columns: Any) -> str:
        """Adds a deletion of the backup that a task made."""
        told: dict[str, Any] = {"minutes": 0, "delete_backup_id": backup_of(task_id)} | columns
        return self.task("delete", created_at, **told)

    def restore(self, task_id: str, created_at: Moment, **columns: Any) -> str:
        """Adds a restore from the backup that a task made."""
        return self.task("restore", created_at, restore_backup_id=backup_of(task_id), **columns)

    def remove(self, resources: Iterable[str], created_at: Moment, **columns: Any) -> str:
        """Adds a task that removes resources from their vault."""
        listed = list(resources)
        counts = {"remove_resources_fail_count": 0, "remove_resources_total_count": len(listed)}
        told: dict[str, Any] = {"minutes": 0} | counts | columns
        task_id = self.task("remove_resource", created_at, **told)
        key = {name: self.tables["tasks"][-1][name] for name in ("source", "day", "task_id")}
        for position, resource in enumerate(listed):
            self._resource(key, "removed", position, resource, resource, SERVER)
        return task_id

    def publish(self, path: Path, *, comments: bool = False) -> Path:
        """Builds the warehouse and its analytics as a file; equal logs are built once a process and copied.

        Args:
            path: The file, not yet there.
            comments: Whether views and their columns get comments: half of the work of creating them.
        """
        key = repr((self.tables, self.settings, comments))
        if key not in _PUBLISHED:
            place = kept_folder("cbr-published-") / "warehouse.duckdb"
            open_analytics(self.tables, self.settings, place, comments=comments).connection.close()
            _PUBLISHED[key] = place
        shutil.copyfile(_PUBLISHED[key], path)
        return path

    def see(self, task_id: str, *versions: tuple[Moment, dict[str, Any]]) -> Self:
        """Sets when each version of a task was first seen, and its differing values."""
        (task,) = self._tasks[task_id]
        for number, (moment, told) in enumerate(versions, 1):
            seen = {"first_seen_at": at(moment), "last_seen_at": at(moment)}
            known = {"version": number, "version_hash": str(number), "record_text": "{}"}
            self.add("task_versions", **task | told | seen | known)
        return self

    def open(self) -> Analytics:
        """Builds the warehouse and its analytics.

        Returns:
            A connection to them; the log stays as it is and can be added to.
        """
        return open_analytics(self.tables, self.settings)

    def _resource(
        self, key: dict[str, Any], role: str, position: int, resource: str, name: str, kind: str | None
    ) -> None:
        self.add(
            "resources",
            **key,
            role=role,
            position=position,
            resource_id=resource,
            resource_name=name,
            resource_type=kind,
        )


def backup_of(task_id: str) -> str:
    """Id of the backup that a task of ``SmallLog.backup`` made."""
    return f"backup-{task_id}"
