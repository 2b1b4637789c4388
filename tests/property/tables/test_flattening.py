"""Records of any shape the contract knows: the tables hold what plain Python reads from them."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.landed_records import land, make, printed, rows

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
MAYBE_TEXT = st.none() | TEXTS
COUNTS = st.none() | st.integers(-(2**63), 2**63 - 1)


def block(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """An object with some of its keys, or null."""
    return st.none() | st.fixed_dictionaries({}, optional=fields)


VOLUMES = block(
    {
        "include_volumes": st.none()
        | st.lists(block({"id": MAYBE_TEXT, "os_version": MAYBE_TEXT}), max_size=3),
        "exclude_volumes": st.none() | st.lists(MAYBE_TEXT, max_size=3),
    }
)
RESOURCE = block({"id": MAYBE_TEXT, "name": MAYBE_TEXT, "type": MAYBE_TEXT, "extra_info": VOLUMES})
SIDES = ("source_backup_id", "source_region", "destination_backup_id", "destination_region")
EXTRA_INFO = block(
    {
        "common": block({"progress": COUNTS, "request_id": MAYBE_TEXT}),
        "backup": block(
            {"backup_id": MAYBE_TEXT, "incremental": st.sampled_from([None, True, False, "true", "false"])}
        ),
        "replication": block(dict.fromkeys(SIDES, MAYBE_TEXT)),
        "resource": RESOURCE,
        "remove_resources": block(
            {"fail_count": COUNTS, "resources": st.none() | st.lists(RESOURCE, max_size=3)}
        ),
        "unheard_of": st.none() | st.integers(),
    }
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "status": MAYBE_TEXT,
        "error_info": block({"code": MAYBE_TEXT, "message": MAYBE_TEXT}),
        "vault_name": MAYBE_TEXT,
        "extra_info": EXTRA_INFO,
    },
)


def read(record: Any, *path: str) -> Any:
    """What stands at a path; None where nothing does."""
    for step in path:
        record = (record or {}).get(step)
    return record


def task_of(record: dict[str, Any]) -> dict[str, Any]:
    extra = record.get("extra_info") or {}
    return {
        "task_id": record["id"],
        "status": record.get("status"),
        "vault_name": record.get("vault_name"),
        "error_code": read(record, "error_info", "code") or None,
        "error_message": read(record, "error_info", "message") or None,
        "progress": read(extra, "common", "progress"),
        "request_id": read(extra, "common", "request_id"),
        "backup_id": read(extra, "backup", "backup_id"),
        "backup_incremental": {"true": True, "false": False}.get(
            told := read(extra, "backup", "incremental"), told
        ),
        "remove_resources_fail_count": read(extra, "remove_resources", "fail_count"),
        "extra": {"extra_info": {"unheard_of": extra["unheard_of"]}} if "unheard_of" in extra else {},
    }


def resources_of(record: dict[str, Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """Role, position and object of each resource; a null makes no row."""
    extra = record.get("extra_info") or {}
    target = [("target", 0, extra["resource"])] if extra.get("resource") is not None else []
    listed = read(extra, "remove_resources", "resources") or []
    return target + [("removed", place, one) for place, one in enumerate(listed) if one is not None]


def volumes_of(resource: dict[str, Any]) -> list[tuple[str, int, str | None, str | None]]:
    own = resource.get("extra_info") or {}
    included = [
        ("include", place, one.get("id"), one.get("os_version"))
        for place, one in enumerate(own.get("include_volumes") or [])
        if one is not None
    ]
    return included + [
        ("exclude", place, one, None)
        for place, one in enumerate(own.get("exclude_volumes") or [])
        if one is not None
    ]


@settings(max_examples=15, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=25))
def test_tables_hold_what_the_records_say(told: list[dict[str, Any]]) -> None:
    records = [
        {"id": f"{number:04}", "created_at": "2026-11-19T01:00:00"} | one for number, one in enumerate(told)
    ]
    with tempfile.TemporaryDirectory() as folder:
        directory = land(Path(folder), "L1", [(printed(record), NOW) for record in records])
        make(directory)
        assert rows(directory, "quarantine", ("reason",)) == []
        held = rows(directory, "tasks", tuple(task_of(records[0])))
        assert [one | {"extra": json.loads(one["extra"])} for one in held] == [
            task_of(one) for one in records
        ]
        names = ("task_id", "role", "position", "resource_id", "resource_name", "resource_type")
        assert [tuple(one.values()) for one in rows(directory, "resources", names)] == sorted(
            (record["id"], role, place, *(one.get(key) for key in ("id", "name", "type")))
            for record in records
            for role, place, one in resources_of(record)
        )
        names = ("task_id", "role", "position", "volume_role", "volume_position", "volume_id", "os_version")
        assert [tuple(one.values()) for one in rows(directory, "resource_volumes", names)] == sorted(
            (record["id"], role, place, *volume)
            for record in records
            for role, place, one in resources_of(record)
            for volume in volumes_of(one)
        )
        copies = [
            {"task_id": record["id"]} | {side: block.get(side) for side in SIDES}
            for record in records
            if (block := read(record, "extra_info", "replication")) is not None
        ]
        assert rows(directory, "replications", ("task_id", *SIDES)) == copies
