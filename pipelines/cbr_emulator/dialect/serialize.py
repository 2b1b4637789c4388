"""Serializes records in the format that the dialect selects, and in a canonical format for the truth."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cbr_emulator.dialect.settings import Dialect

TIMES = ("created_at", "started_at", "ended_at", "updated_at")
DEFAULT = Dialect()
COUNTED = {
    "common": ("progress",),
    "sync": ("sync_backup_num", "delete_backup_num", "err_sync_backup_num"),
    "remove_resources": ("fail_count", "total_count"),
    "vault_delete": ("fail_count", "total_count"),
}
BLOCKS = ("error_info", "extra_info")
EXPIRES_AFTER = timedelta(days=30)

Record = dict[str, Any]


def serialize_record(record: bytes, dialect: Dialect) -> bytes:
    """Converts a record to the dialect's format; in the default dialect it is returned unchanged.

    Args:
        record: JSON of the record in the default format.
        dialect: The dialect.
    """
    changes = [
        (change, getattr(dialect, name))
        for name, change in CHANGES.items()
        if getattr(dialect, name) != getattr(DEFAULT, name)
    ]
    if not changes:
        return record
    value: Record = json.loads(record)
    for change, chosen in changes:
        change(value, chosen)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def canonical_dialect(dialect: Dialect) -> Dialect:
    """The default format restricted to the information that a dialect exposes.

    Fields that the dialect hides stay hidden, fields that it adds stay. Times keep at most the
    precision of the dialect; with ``nulls=empty`` empty text stays empty.
    """
    digits = {"offset": "milliseconds", "seconds": "whole_seconds"}
    shown = {name: getattr(dialect, name) for name in CONTENT_OPTIONS}
    return replace(
        DEFAULT,
        times=digits.get(dialect.times, "naive"),
        nulls="empty_texts" if dialect.nulls == "empty" else "null",
        **shown,
    )


def _print_times(record: Record, form: str) -> None:
    for name in TIMES:
        if record[name] is not None:
            record[name] = _time(record[name], form)


def _time(printed: str, form: str) -> str:
    if form == "z":
        return printed + "Z"
    instant = datetime.fromisoformat(printed)
    if form == "offset":
        return instant.isoformat(timespec="milliseconds") + "+00:00"
    if form == "seconds":
        return instant.isoformat(timespec="seconds") + "Z"
    kept = instant.microsecond // 1000 * 1000 if form == "milliseconds" else 0
    return instant.replace(microsecond=kept).isoformat(timespec="microseconds")


def _print_incremental(record: Record, form: str) -> None:
    block = record["extra_info"].get("backup")
    if block is not None:
        word = str(block["incremental"]).lower()
        spelled = {"string": word, "quoted": f'"{word}"', "number": int(block["incremental"])}
        block["incremental"] = spelled[form]


def _print_app_consistency(record: Record, form: str) -> None:
    block = record["extra_info"].get("backup", {})
    for key in [key for key in block if key.startswith("app_consistency_")]:
        if form == "null":
            block[key] = None
        else:
            del block[key]


def _print_error_info(record: Record, form: str) -> None:
    if record["error_info"]["code"]:
        return
    if form == "null":
        record["error_info"] = None
    else:
        del record["error_info"]


def _hide_task_id(record: Record, _: str) -> None:
    del record["extra_info"]["common"]["task_id"]


def _hide_replication(record: Record, _: str) -> None:
    record["extra_info"].pop("replication", None)


def _hide_included(record: Record, _: str) -> None:
    extra = record["extra_info"]
    for resource in [extra.get("resource"), *extra.get("remove_resources", {}).get("resources", ())]:
        if resource:
            resource.get("extra_info", {}).pop("include_volumes", None)


def _hide_extra_info(record: Record, form: str) -> None:
    if record["extra_info"].keys() <= {"common"}:
        record["extra_info"] = None
        if form == "absent":
            del record["extra_info"]


def _add_expiration(record: Record, _: str) -> None:
    if record["operation_type"] in {"delete", "sync"}:
        day = datetime.fromisoformat(record["created_at"][:10]) + EXPIRES_AFTER
        record["extra_info"]["update_expiration_time"] = {
            "affected_backups_count": int(record["id"][-2:], 16),
            "expiration_day": f"{day:%Y-%m-%d}",
        }


def _add_unknown(record: Record, _: str) -> None:
    record["retries"] = 0
    if record.get("extra_info"):
        record["extra_info"]["tenant"] = {"tags": [{"key": "team", "value": None}], "weight": 1.50}


def _list_failed(record: Record, _: str) -> None:
    for name in ("remove_resources", "vault_delete"):
        block = record["extra_info"].get(name)
        if block is not None:
            block["fail_count"] = [f"{record['id']}-{place}" for place in range(block["fail_count"])]


def _print_numbers(record: Record, form: str) -> None:
    for name, keys in COUNTED.items():
        block = record["extra_info"].get(name, {})
        for key in keys:
            if isinstance(block.get(key), int):
                block[key] = str(block[key]) if form == "string" else float(block[key])


def _rename_counters(record: Record, _: str) -> None:
    block = record["extra_info"].get("vault_delete")
    if block is not None:
        record["extra_info"]["vault_delete"] = {
            "fail_delete_count": block["fail_count"],
            "total_delete_count": block["total_count"],
        }


def _print_nulls(record: Record, form: str) -> None:
    if form == "absent":
        kept = _without_nulls(record)
        record.clear()
        record.update(kept)
        return
    for key, value in record.items():
        if value is None and key not in BLOCKS and (form == "empty" or key not in TIMES):
            record[key] = ""
        elif isinstance(value, dict):
            _print_nulls(value, form)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


CHANGES: Mapping[str, Callable[[Record, str], None]] = {
    "error_info": _print_error_info,
    "incremental": _print_incremental,
    "app_consistency": _print_app_consistency,
    "task_id": _hide_task_id,
    "replication": _hide_replication,
    "volumes": _hide_included,
    "update_expiration_time": _add_expiration,
    "fail_count": _list_failed,
    "numbers": _print_numbers,
    "counters": _rename_counters,
    "times": _print_times,
    "extra_info": _hide_extra_info,
    "nulls": _print_nulls,
    "unknown": _add_unknown,
}
"""Function that applies each option to a record, in order of application."""

CONTENT_OPTIONS = (
    "app_consistency",
    "task_id",
    "replication",
    "volumes",
    "update_expiration_time",
    "extra_info",
    "unknown",
)
"""Options that add or remove information, as opposed to changing its format."""
