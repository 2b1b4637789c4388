"""Undocumented values are stable per task and consistent in lists, filters and the truth."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from support.emulator_server import Emulated, emulated

ESTATE = {"tasks": 3500, "days": 30, "seed": 3, "now": "2026-11-20T01:00:20Z"}
ALL = ("statuses=undocumented", "operation_types=undocumented", "resource_types=undocumented")
STATUSES = {"queued", "partial_success", "cancelled"}
TYPES = {"archive", "verify"}
RESOURCE_TYPES = {"OS::Dws::Cluster", "OS::Cce::Volume"}
OPEN = {"waiting", "running", "queued"}
Records = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def askers(asker_of: Callable[[str], Any]) -> Iterator[tuple[Any, Any]]:
    """Asks the same estate as documented, and with all undocumented values."""
    with ExitStack() as stack:
        sources: list[Emulated] = [
            stack.enter_context(emulated(**ESTATE, dialect=dialect)) for dialect in ((), ALL)
        ]
        yield asker_of(sources[0].url), asker_of(sources[1].url)


def served(truth: dict[str, Any]) -> Records:
    return {one["id"]: one for one in truth["operation_logs"]}


def resources(record: dict[str, Any]) -> list[dict[str, Any]]:
    extra = record["extra_info"]
    found = [extra["resource"]] if "resource" in extra else []
    return found + extra.get("remove_resources", {}).get("resources", [])


def as_documented(record: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """A record with the documented values in the place of others."""
    for mine, other in zip(resources(record), resources(plain), strict=True):
        if mine["type"] in RESOURCE_TYPES:
            mine["type"] = other["type"]
    extra = record["extra_info"]
    return record | {
        "status": plain["status"] if record["status"] in STATUSES else record["status"],
        "operation_type": plain["operation_type"]
        if record["operation_type"] in TYPES
        else record["operation_type"],
        "extra_info": extra,
    }


def test_a_share_of_tasks_has_them_and_nothing_else_differs(askers: tuple[Any, Any]) -> None:
    plain, found = (served(asker.truth()) for asker in askers)
    for name, values in (("status", STATUSES), ("operation_type", TYPES)):
        strange = [one[name] for one in found.values() if one[name] in values]
        assert set(strange) >= values - {"queued"}
        assert 0.05 < len(strange) / len(found) < 0.12
        assert not values & {one[name] for one in plain.values()}
    types = {one["id"]: one["type"] for record in found.values() for one in resources(record)}
    strange = [kind for kind in types.values() if kind in RESOURCE_TYPES]
    assert set(strange) == RESOURCE_TYPES
    assert 0.05 < len(strange) / len(types) < 0.15
    assert {task_id: as_documented(one, plain[task_id]) for task_id, one in found.items()} == plain


def test_a_resource_is_of_one_type_everywhere(askers: tuple[Any, Any]) -> None:
    types: dict[str, set[str]] = {}
    for record in served(askers[1].truth()).values():
        for one in resources(record):
            types.setdefault(one["id"], set()).add(one["type"])
    assert all(len(found) == 1 for found in types.values())


@pytest.mark.parametrize(
    ("name", "values"),
    [("status", STATUSES | {"success", "waiting"}), ("operation_type", TYPES | {"backup"})],
)
def test_a_filter_finds_them_by_what_they_show(askers: tuple[Any, Any], name: str, values: set[str]) -> None:
    found = served(askers[1].truth())
    for value in values:
        wanted = {task_id for task_id, one in found.items() if one[name] == value}
        assert askers[1].listed(limit=1, **{name: value})["count"] == len(wanted)
        assert set(askers[1].ids(**{name: value})) <= wanted
        for task_id in sorted(wanted)[:2]:
            assert askers[1].shown(task_id).json() == {"operation_log": found[task_id]}


def test_tasks_of_episodes_have_documented_values(askers: tuple[Any, Any]) -> None:
    truth = askers[1].truth()
    named = {task_id for one in truth["episodes"] for task_id in one["tasks"]}
    assert named
    for task_id, one in served(truth).items():
        if task_id in named:
            assert one["status"] not in STATUSES
            assert one["operation_type"] not in TYPES


def test_a_task_keeps_its_values_for_all_its_life() -> None:
    with emulated(**ESTATE, dialect=ALL) as source:
        before, seen = source.truth(), set()
        for _ in range(10):
            source.advance(timedelta(hours=1))
            after = source.truth()
            for task_id in before.keys() & after.keys():
                was, now = before[task_id], after[task_id]
                assert was["operation_type"] == now["operation_type"]
                if was["status"] not in OPEN:
                    assert was["status"] == now["status"]
                seen.add((was["status"], now["status"]))
            before = after
    ends = {now for was, now in seen if was in OPEN and now not in OPEN}
    assert "success" in ends
    assert ends & STATUSES
    assert any(was == "queued" for was, _ in seen)
