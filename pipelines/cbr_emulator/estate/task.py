"""One task of the estate: what is fixed about it, and the record the API shows of it at a time."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

PARTIAL_SUCCESS = "partial_success"
"""A status that no document names, of what got to its end all the same."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task from its creation to its end.

    Attributes:
        id: Its id.
        operation_type: Its type.
        created_at: When it was created.
        started_at: When it starts; never, where that is None (skipped).
        ended_at: When it ends; None where it is stuck and never does.
        outcome: Its status once it has ended; running, where it never does.
        provider_id: The provider.
        vault_id: The vault.
        vault_name: The vault's name.
        enterprise_project_id: Enterprise project of the vault; not in the record.
        resource: The resource it is about.
        policy_id: The policy that started it.
        checkpoint_id: The restore point.
        error: Code and text where it failed.
        blocks: Further blocks of extra_info, shown from the start on.
        waits_as: Its status until it starts.
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
    waits_as: str = "waiting"

    def status_at(self, now: datetime) -> str:
        """Its status at a time."""
        if self.ended_at is not None and now >= self.ended_at:
            return self.outcome
        return "running" if self.started_at is not None and now >= self.started_at else self.waits_as

    def updated_at(self, now: datetime) -> datetime:
        """When it changed last, as seen at a time: was created, started, got further, or ended."""
        started, ended = self.started_at, self.ended_at
        known = [at for at in (started, ended) if at is not None and at <= now]
        if started is not None and ended is not None and started <= now < ended and self.outcome != "timeout":
            known.append(started - -self._progress(now) * (ended - started) // 100)  # rounded up
        return max([self.created_at, *known])

    def record_at(self, now: datetime, project_id: str) -> bytes:
        """The record that the API shows at a time, as JSON."""
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
            "created_at": _print(self.created_at),
            "started_at": _print(started_at),
            "ended_at": _print(ended_at),
            "updated_at": _print(self.updated_at(now)),
            "error_info": {"code": code, "message": message},
            "extra_info": extra,
        }
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

    def _progress(self, now: datetime) -> int:
        if self.started_at is None or now < self.started_at:
            return 0
        if self.ended_at is None or self.outcome == "timeout":
            return 1 + UUID(self.id).int % 98  # got so far at once, and no further
        if now >= self.ended_at:
            return 100 if self.outcome in {"success", PARTIAL_SUCCESS} else 0
        return 100 * (now - self.started_at) // (self.ended_at - self.started_at)


def _print(instant: datetime | None) -> str | None:
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds") if instant else None
