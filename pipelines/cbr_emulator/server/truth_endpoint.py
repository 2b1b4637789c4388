"""The truth: every record served at a time in the canonical format, and every episode so far.

Good records are in the canonical format whatever the dialect; bad ones are as served.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.dialect.serialize import canonical_dialect
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.inventory import OBJECT_TYPES, EstateInventory
from cbr_emulator.faults.bad_records import KINDS
from cbr_emulator.faults.injector import Faults
from cbr_emulator.server.record_store import RecordStore, Row


def get_truth(
    served: RecordStore, episodes: Sequence[Episode], dialect: Dialect, faults: Faults, now: datetime
) -> Iterator[bytes]:
    """The truth as chunks of one JSON object.

    Args:
        served: The records.
        episodes: Events in the data.
        dialect: How records are serialized.
        faults: Injected faults and their counters.
        now: The present.
    """
    rows = served.rows(now, dialect.retention)
    bad = faults.bad_records
    kinds = [bad.kind_of(row.filter_values["id"]) for row in rows]
    sound = [row for row, kind in zip(rows, kinds, strict=True) if kind is None or _is_held(kind)]
    ahead = served.future_ids(now)
    head: dict[str, Any] = {
        "now": now.isoformat(),
        "dialect": asdict(dialect),
        "fault_options": faults.options.given,
        "requests": faults.requests,
        "faults": faults.counts,
        "fault_requests": faults.requests_of,
        "episodes": [_visible_part(one, ahead) for one in episodes if one.begins_at <= now],
        "served": len(rows),
        "count": len(sound),
        "inventory": _inventory(served.inventory, now),
    }
    yield json.dumps(head, default=_to_json, ensure_ascii=False).encode()[:-1] + b',"operation_logs":['
    usual = canonical_dialect(dialect)
    for place, row in enumerate(sound):
        text = bad.spoil(served.text(row, now, usual), row.filter_values["id"])
        yield (b"," if place else b"") + text
    yield b'],"spoiled":['
    spoiled = [(row, kind) for row, kind in zip(rows, kinds, strict=True) if kind is not None]
    for place, (row, kind) in enumerate(spoiled):
        text = bad.spoil(served.text(row, now, dialect), row.filter_values["id"])
        yield (b"," if place else b"") + json.dumps(_entry(row, kind, text)).encode()
    yield b"]}"


def _inventory(inventory: EstateInventory, now: datetime) -> dict[str, Any]:
    """How much there is besides tasks, and the resources that exist and that no vault ever has."""
    never_enrolled = [
        {
            "id": one.id,
            "name": one.name,
            "object_type": one.object_type,
            "tags": one.tags,
            "created_at": one.created_at,
        }
        for one in inventory.never_enrolled_at(now)
    ]
    kinds = {kind: len(inventory.protectables_at(kind, now)) for kind in OBJECT_TYPES}
    return {
        "vaults": len(inventory.vaults_at(now)),
        "backups": len(inventory.backups_at(now)),
        "protectables": kinds,
        "never_enrolled": never_enrolled,
    }


def _visible_part(episode: Episode, ahead: set[str]) -> dict[str, Any]:
    """An episode as visible at the present: without tasks that do not exist yet."""
    return {**asdict(episode), "tasks": [task_id for task_id in episode.tasks if task_id not in ahead]}


def _to_json(value: datetime | timedelta) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_held(kind: str) -> bool:
    return KINDS[kind].expect == "hold"


def _entry(row: Row, kind: str, text: bytes) -> dict[str, Any]:
    created_at = row.times["created_at"]
    entry = {
        "task_id": row.filter_values["id"],
        "created_at": created_at.isoformat() if created_at else None,
        "kind": kind,
        "expect": KINDS[kind].expect,
    }
    try:
        return {**entry, "text": text.decode(), "base64": None}
    except UnicodeDecodeError:
        return {**entry, "text": None, "base64": base64.b64encode(text).decode()}
