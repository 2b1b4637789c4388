"""One task: its fixed facts, and the record that the API returns for it at a given time."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

PARTIAL_SUCCESS = "partial_success"
"""An undocumented status of a task that completed."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task from its creation to its end.

    Attributes:
        id: Its id.
        operation_type: Its type.
        created_at: When it was created.
        started_at: When it starts; None if it never does (skipped).
        ended_at: When it ends; None if it never does (stuck).
        outcome: Status after its end; ``running`` if it never ends.
        provider_id: The provider.
        vault_id: The vault.
        vault_name: The vault's name.
        enterprise_project_id: Enterprise project of the vault; not in the record.
        resource: The resource it operates on.
        policy_id: The policy that started it.
        checkpoint_id: The restore point.
        error: Error code and message; empty without a failure.
        blocks: Further blocks of extra_info, present from the creation on.
        initial_status: Status until it starts.
    """

    id: str
    operation_type: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str
    provider_id: str
    vault_id: str | None
    vault_name: str | None
    enterprise_project_id: str
    resource: dict[str, Any] | None = None
    policy_id: str | None = None
    checkpoint_id: str | None = None
    error: tuple[str, str] = ("", "")
    blocks: dict[str, Any] = field(default_factory=dict)
    initial_status: str = "waiting"

    def status_at(self, now: datetime) -> str:
        """Status at a time."""
        if self.ended_at is not None and now >= self.ended_at:
            return self.outcome
        return "running" if self.started_at is not None and now >= self.started_at else self.initial_status

    def updated_at(self, now: datetime) -> datetime:
        """Time of the latest change visible at ``now``: creation, start, progress or end."""
        started, ended = self.started_at, self.ended_at
        known = [at for at in (started, ended) if at is not None and at <= now]
        if started is not None and ended is not None and started <= now < ended and self.outcome != "timeout":
            known.append(started - -self._progress(now) * (ended - started) // 100)  # rounded up
        return max([self.created_at, *known])

    def record_at(self, now: datetime, project_id: str) -> bytes:
        """The record that the API returns at a time, as JSON."""
        status = self.status_at(now)
        has_started = self.started_at is not None and now >= self.started_at
        has_ended = self.ended_at is not None and now >= self.ended_at
        started_at = self.started_at if has_started else None
        ended_at = self.ended_at if has_ended else None
        code, message = self.error if has_ended else ("", "")
        extra: dict[str, Any] = {
            "common": {
                "progress": self._progress(now),
                "request_id": f"req-{self.id}",
                "task_id": self.id,
            },
            **self.blocks,
        }
        if self.resource is not None:
            extra["resource"] = self.resource
        record = {
            "id": self.id,
            "operation_type": self.operation_type,
            "status": status,
            "project_id": project_id,
            "provider_id": self.provider_id,
            "policy_id": self.policy_id,
            "checkpoint_id": self.checkpoint_id,
            "vault_id": self.vault_id,
            "vault_name": self.vault_name,
            "created_at": _format_time(self.created_at),
            "started_at": _format_time(started_at),
            "ended_at": _format_time(ended_at),
            "updated_at": _format_time(self.updated_at(now)),
            "error_info": {"code": code, "message": message},
            "extra_info": extra,
        }
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

    def _progress(self, now: datetime) -> int:
        if self.started_at is None or now < self.started_at:
            return 0
        if self.ended_at is None or self.outcome == "timeout":
            return 1 + UUID(self.id).int % 98  # stuck at a fixed percentage
        if now >= self.ended_at:
            return 100 if self.outcome in {"success", PARTIAL_SUCCESS} else 0
        return 100 * (now - self.started_at) // (self.ended_at - self.started_at)


def _format_time(instant: datetime | None) -> str | None:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds") if instant else None
