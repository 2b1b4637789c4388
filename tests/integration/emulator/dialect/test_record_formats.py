"""Each record option changes what it names, in lists and single tasks, and nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cbr_emulator.dialect.settings import ALLOWED, Dialect
from support.emulator_server import Emulated, emulated

Record = dict[str, Any]
Answers = Callable[[str], Any]
TYPES = (
    "backup",
    "copy",
    "delete",
    "migrate_resources",
    "remove_resource",
    "replication",
    "restore",
    "sync",
    "vault_delete",
)
TIMES = ("created_at", "started_at", "ended_at", "updated_at")
SHAPES = (
    "times",
    "nulls",
    "error_info",
    "incremental",
    "app_consistency",
    "numbers",
    "counters",
    "fail_count",
    "task_id",
    "replication",
    "volumes",
    "update_expiration_time",
    "extra_info",
    "unknown",
)


@pytest.fixture(scope="module")
def estate() -> Iterator[Emulated]:
    """Large enough that every operation type and kind of value occurs."""
    with emulated(tasks=3500, days=30, seed=3, now="2026-11-20T01:00:20Z") as running:
        yield running


def listed(estate: Emulated, asker: Any, **switches: str) -> dict[str, Record]:
    """Some tasks of every type and every status, by id, in a dialect."""
    estate.emulator.dialect = replace(Dialect(), **switches)
    found = {}
    for query in [{"operation_type": one} for one in TYPES] + [{"status": "running"}, {"status": "failed"}]:
        page = asker.listed(limit=60, **query)["operation_logs"]
        assert page, query
        found |= {one["id"]: one for one in page}
    return found


@pytest.fixture(scope="module")
def asker(estate: Emulated, asker_of: Answers) -> Any:
    return asker_of(estate.url)


@pytest.fixture(scope="module")
def plain(estate: Emulated, asker: Any) -> dict[str, Record]:
    return listed(estate, asker)


def text(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def without(value: Any, is_dropped: Callable[[str, Any], bool]) -> Any:
    """A record without some of its keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(one, is_dropped) for key, one in value.items() if not is_dropped(key, one)}
    return [without(one, is_dropped) for one in value] if isinstance(value, list) else value


def altered(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    """A record with its leaves changed, by key."""
    if isinstance(value, dict):
        return {name: altered(one, change, name) for name, one in value.items()}
    if isinstance(value, list):
        return [altered(one, change, key) for one in value]
    return change(key, value)


NUMBERS = {
    "progress",
    "fail_count",
    "total_count",
    "sync_backup_num",
    "delete_backup_num",
    "err_sync_backup_num",
}

ALTERED: dict[tuple[str, str], Callable[[Record], Record]] = {
    ("times", "z"): lambda one: altered(one, lambda k, v: f"{v}Z" if k in TIMES and v else v),
    ("times", "offset"): lambda one: altered(one, lambda k, v: f"{v[:23]}+00:00" if k in TIMES and v else v),
    ("times", "seconds"): lambda one: altered(one, lambda k, v: f"{v[:19]}Z" if k in TIMES and v else v),
    ("nulls", "absent"): lambda one: without(one, lambda _, value: value is None),
    ("nulls", "empty"): lambda one: altered(one, lambda _, value: "" if value is None else value),
    ("error_info", "null"): lambda one: one if one["error_info"]["code"] else one | {"error_info": None},
    ("error_info", "absent"): lambda one: (
        one if one["error_info"]["code"] else without(one, lambda key, _: key == "error_info")
    ),
    ("incremental", "string"): lambda one: altered(
        one, lambda k, v: str(v).lower() if k == "incremental" else v
    ),
    ("incremental", "quoted"): lambda one: altered(
        one, lambda k, v: f'"{v}"'.lower() if k == "incremental" else v
    ),
    ("incremental", "number"): lambda one: altered(one, lambda k, v: int(v) if k == "incremental" else v),
    ("app_consistency", "null"): lambda one: altered(
        one, lambda k, v: None if k.startswith("app_consistency") else v
    ),
    ("app_consistency", "absent"): lambda one: without(one, lambda k, _: k.startswith("app_consistency")),
    ("numbers", "string"): lambda one: altered(one, lambda k, v: str(v) if k in NUMBERS else v),
    ("numbers", "decimal"): lambda one: altered(one, lambda k, v: float(v) if k in NUMBERS else v),
    ("task_id", "absent"): lambda one: without(one, lambda k, _: k == "task_id"),
    ("replication", "absent"): lambda one: without(one, lambda k, _: k == "replication"),
    ("extra_info", "absent"): lambda one: without(one, lambda k, v: k == "extra_info" and len(v) == 1),
    ("extra_info", "null"): lambda one: (
        one if len(one["extra_info"]) > 1 or "extra_info" not in one else one | {"extra_info": None}
    ),
    ("volumes", "excluded"): lambda one: without(one, lambda k, _: k == "include_volumes"),
}
"""Expected record format of each dialect option."""


@pytest.mark.parametrize(("switch", "value"), ALTERED, ids="=".join)
def test_a_shape_changes_what_it_names(
    estate: Emulated, asker: Any, plain: dict[str, Record], switch: str, value: str
) -> None:
    found = listed(estate, asker, **{switch: value})
    assert found.keys() == plain.keys()
    wanted = {task_id: ALTERED[switch, value](record) for task_id, record in plain.items()}
    assert {key: text(one) for key, one in found.items()} == {key: text(one) for key, one in wanted.items()}
    assert any(text(wanted[key]) != text(plain[key]) for key in plain)


def blocks(records: dict[str, Record], name: str) -> dict[str, Record]:
    return {key: one["extra_info"][name] for key, one in records.items() if name in one["extra_info"]}


def test_a_fail_count_may_be_the_ids_of_what_failed(
    estate: Emulated, asker: Any, plain: dict[str, Record]
) -> None:
    found = listed(estate, asker, fail_count="list", counters="long")
    some = set()
    for name, key in (("vault_delete", "fail_delete_count"), ("remove_resources", "fail_count")):
        for task_id, block in blocks(plain, name).items():
            ids = found[task_id]["extra_info"][name][key]
            assert len(set(ids)) == len(ids) == block["fail_count"]
            some |= set(ids)
    assert some, "something must have failed"


def test_a_new_block_and_unknown_fields_are_added(
    estate: Emulated, asker: Any, plain: dict[str, Record]
) -> None:
    found = listed(estate, asker, update_expiration_time="present", unknown="present")
    for task_id, record in plain.items():
        added = {"tenant", "update_expiration_time"} | set(record["extra_info"])
        if record["operation_type"] not in {"delete", "sync"}:
            added.remove("update_expiration_time")
        assert found[task_id]["extra_info"].keys() == added
        assert found[task_id].keys() == {*record, "retries"}
    for block in blocks(found, "update_expiration_time").values():
        assert isinstance(block["affected_backups_count"], int)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", block["expiration_day"])


def test_every_shape_is_tried() -> None:
    tried = {*ALTERED, ("counters", "long"), ("fail_count", "list")}
    tried |= {("update_expiration_time", "present"), ("unknown", "present")}
    assert {(switch, value) for switch in SHAPES for value in ALLOWED[switch][1:]} == tried


@pytest.mark.parametrize("switch", SHAPES)
def test_a_task_is_shown_as_it_is_listed(estate: Emulated, asker: Any, switch: str) -> None:
    found = listed(estate, asker, **{switch: ALLOWED[switch][-1]})
    for kind in TYPES:
        one = next(record for record in found.values() if record["operation_type"] == kind)
        assert asker.shown(one["id"]).json() == {"operation_log": one}


def truth(asker: Any) -> dict[str, Record]:
    return {one["id"]: one for one in asker.truth()["operation_logs"]}


SAME_IN_THE_TRUTH = ("error_info", "incremental", "numbers", "counters", "fail_count")
HIDES_OR_ADDS = (
    "app_consistency",
    "task_id",
    "replication",
    "volumes",
    "update_expiration_time",
    "extra_info",
    "unknown",
)


def test_the_truth_is_in_the_canonical_format(estate: Emulated, asker: Any, plain: dict[str, Record]) -> None:
    estate.emulator.dialect = replace(
        Dialect(), times="z", nulls="absent", **{name: ALLOWED[name][-1] for name in SAME_IN_THE_TRUTH}
    )
    told = truth(asker)
    assert {key: told[key] for key in plain} == plain


@pytest.mark.parametrize("switch", HIDES_OR_ADDS)
def test_the_truth_hides_what_is_hidden_and_has_what_is_added(
    estate: Emulated, asker: Any, plain: dict[str, Record], switch: str
) -> None:
    found = listed(estate, asker, **{switch: ALLOWED[switch][-1]})
    told = truth(asker)
    assert {key: told[key] for key in found} == found != plain


@pytest.mark.parametrize(("form", "digits"), [("offset", 23), ("seconds", 19)])
def test_the_truth_has_no_digits_that_are_not_printed(
    estate: Emulated, asker: Any, plain: dict[str, Record], form: str, digits: int
) -> None:
    estate.emulator.dialect = replace(Dialect(), times=form)
    told = truth(asker)
    for task_id, record in plain.items():
        for name in TIMES:
            printed = record[name]
            wanted = None if printed is None else printed[:digits] + ".000000"[digits - 19 :]
            assert told[task_id][name] == wanted


def test_the_truth_of_empty_fields_keeps_empty_texts(
    estate: Emulated, asker: Any, plain: dict[str, Record]
) -> None:
    estate.emulator.dialect = replace(Dialect(), nulls="empty")
    told = truth(asker)
    for task_id, record in plain.items():
        wanted = altered(record, lambda key, value: "" if value is None and key not in TIMES else value)
        assert told[task_id] == wanted
