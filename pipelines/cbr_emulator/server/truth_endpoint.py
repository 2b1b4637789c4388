"""What the emulator tells of itself: everything that it serves at a time, and everything that it made happen.

Sound records stand in the usual spelling whatever the dialect; spoiled ones as they are served.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.dialect.serialize import spelled_usually
from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.faults.bad_records import KINDS
from cbr_emulator.faults.injector import Faults
from cbr_emulator.server.record_store import Row, Served


def tell_truth(
    served: Served, episodes: Sequence[Episode], dialect: Dialect, faults: Faults, now: datetime
) -> Iterator[bytes]:
    """The truth as parts of a JSON object.

    Args:
        served: The records.
        episodes: What was made to happen in them.
        dialect: How they are printed.
        faults: What went wrong.
        now: The present.
    """
    rows = served.rows(now, dialect.retention)
    bad = faults.bad_records
    kinds = [bad.kind_of(row.facts["id"]) for row in rows]
    sound = [row for row, kind in zip(rows, kinds, strict=True) if kind is None or _is_held(kind)]
    ahead = served.ids_ahead(now)
    head: dict[str, Any] = {
        "now": now.isoformat(),
        "dialect": asdict(dialect),
        "fault_options": faults.options.told,
        "requests": faults.requests,
        "faults": faults.told,
        "fault_requests": faults.requests_of,
        "episodes": [_seen(one, ahead) for one in episodes if one.begins_at <= now],
        "served": len(rows),
        "count": len(sound),
    }
    yield json.dumps(head, default=_print, ensure_ascii=False).encode()[:-1] + b',"operation_logs":['
    usual = spelled_usually(dialect)
    for place, row in enumerate(sound):
        text = bad.spoil(served.text(row, now, usual), row.facts["id"])
        yield (b"," if place else b"") + text
    yield b'],"spoiled":['
    spoiled = [(row, kind) for row, kind in zip(rows, kinds, strict=True) if kind is not None]
    for place, (row, kind) in enumerate(spoiled):
        text = bad.spoil(served.text(row, now, dialect), row.facts["id"])
        yield (b"," if place else b"") + json.dumps(_entry(row, kind, text)).encode()
    yield b"]}"


def _seen(episode: Episode, ahead: set[str]) -> dict[str, Any]:
    """An episode as far as it has come: without the tasks that it is still to show in."""
    return {**asdict(episode), "tasks": [task_id for task_id in episode.tasks if task_id not in ahead]}


def _print(value: datetime | timedelta) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_held(kind: str) -> bool:
    return KINDS[kind].expect == "hold"


def _entry(row: Row, kind: str, text: bytes) -> dict[str, Any]:
    created_at = row.times["created_at"]
    entry = {
        "task_id": row.facts["id"],
        "created_at": created_at.isoformat() if created_at else None,
        "kind": kind,
        "expect": KINDS[kind].expect,
    }
    try:
        return {**entry, "text": text.decode(), "base64": None}
    except UnicodeDecodeError:
        return {**entry, "text": None, "base64": base64.b64encode(text).decode()}
