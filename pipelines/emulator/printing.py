"""Prints a record of the estate as the dialect has it."""

import json
from datetime import datetime
from typing import Any

from pipelines.emulator.dialect import Dialect

TIMES = ("created_at", "started_at", "ended_at", "updated_at")


def print_record(record: bytes, dialect: Dialect) -> bytes:
    """The record in the dialect's shape; the default one passes as it is.

    Args:
        record: The record in the default shape.
        dialect: The dialect.
    """
    usual = Dialect()
    same = ("times", "nulls", "incremental", "counters")
    if all(getattr(dialect, name) == getattr(usual, name) for name in same):
        return record
    value: dict[str, Any] = json.loads(record)
    for name in TIMES:
        if value[name] is not None:
            value[name] = _time(value[name], dialect.times)
    extra = value["extra_info"]
    if dialect.incremental == "string" and "backup" in extra:
        extra["backup"]["incremental"] = str(extra["backup"]["incremental"]).lower()
    if dialect.counters == "long" and "vault_delete" in extra:
        block = extra["vault_delete"]
        extra["vault_delete"] = {
            "fail_delete_count": block["fail_count"],
            "total_delete_count": block["total_count"],
        }
    if dialect.nulls == "absent":
        value = _without_nulls(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _time(printed: str, form: str) -> str:
    if form == "z":
        return printed + "Z"
    if form == "offset":
        return datetime.fromisoformat(printed).isoformat(timespec="milliseconds") + "+00:00"
    return printed
