"""Filters return exactly the matching tasks, and pages contain every task once."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from support.emulator_server import serve

ESTATE = ("--tasks", "900", "--days", "6", "--seed", "4", "--now", "2026-11-20T01:30:00Z", "--freeze")
Record = dict[str, Any]


@pytest.fixture(scope="module")
def emulator(asker_of: Callable[..., Any]) -> Iterator[Any]:
    with serve(*ESTATE) as url:
        yield asker_of(url)


@pytest.fixture(scope="module")
def records(emulator: Any) -> list[Record]:
    told = emulator.truth()
    served: list[Record] = told["operation_logs"]
    assert told["count"] == len(served) >= 890
    return served


def resource(record: Record, key: str) -> Any:
    return record["extra_info"].get("resource", {}).get(key)


FACTS: dict[str, Callable[[Record], Any]] = {
    "operation_type": lambda record: record["operation_type"],
    "status": lambda record: record["status"],
    "provider_id": lambda record: record["provider_id"],
    "resource_id": lambda record: resource(record, "id"),
    "resource_name": lambda record: resource(record, "name"),
    "vault_id": lambda record: record["vault_id"],
    "vault_name": lambda record: record["vault_name"],
}


@pytest.mark.parametrize("name", FACTS)
def test_a_filter_leaves_the_tasks_of_its_value(emulator: Any, records: list[Record], name: str) -> None:
    values = sorted({fact for record in records if (fact := FACTS[name](record)) is not None})
    assert len(values) > 1
    for value in values[:12]:
        wanted = {record["id"] for record in records if FACTS[name](record) == value}
        answer = emulator.listed(**{name: value})
        assert {one["id"] for one in answer["operation_logs"]} == wanted
        assert answer["count"] == len(wanted)
    assert emulator.listed(**{name: "no such value"}) == {"count": 0, "operation_logs": []}


def test_filters_add_up(emulator: Any, records: list[Record]) -> None:
    one = next(record for record in records if record["status"] == "success" and resource(record, "id"))
    chosen = {name: fact(one) for name, fact in FACTS.items()}
    wanted = {
        record["id"]
        for record in records
        if all(FACTS[name](record) == value for name, value in chosen.items())
    }
    assert one["id"] in wanted
    assert set(emulator.ids(**chosen)) == wanted


def test_enterprise_projects_part_the_tasks_by_vault(emulator: Any, records: list[Record]) -> None:
    default = emulator.listed(enterprise_project_id="0")
    other = emulator.listed(enterprise_project_id="5f7f2bb1-9d8f-4b2e-9c5d-6b1b0f0c3a11")
    vaults = [{one["vault_id"] for one in answer["operation_logs"]} for answer in (default, other)]
    assert vaults[0]
    assert vaults[1]
    assert not vaults[0] & vaults[1]
    assert default["count"] + other["count"] == len(records)
    assert emulator.listed(enterprise_project_id="all_granted_eps")["count"] == len(records)
    assert emulator.listed(enterprise_project_id="nobody")["count"] == 0


def at(record: Record) -> datetime:
    return datetime.fromisoformat(record["created_at"])


def test_times_bound_when_tasks_were_created(emulator: Any, records: list[Record]) -> None:
    times = sorted(at(record) for record in records)
    first, last = (times[len(times) * n // 4].replace(microsecond=0) for n in (1, 3))
    told = {"start_time": first.isoformat() + "Z", "end_time": last.isoformat() + "Z"}
    for names in (["start_time"], ["end_time"], ["start_time", "end_time"]):
        wanted = {
            record["id"]
            for record in records
            if ("start_time" not in names or at(record) >= first)
            and ("end_time" not in names or at(record) <= last)
        }
        assert 0 < len(wanted) < len(records)
        answer = emulator.listed(**{name: told[name] for name in names})
        assert {one["id"] for one in answer["operation_logs"]} == wanted
        assert answer["count"] == len(wanted)


def test_both_bounds_belong_to_the_window(emulator: Any, records: list[Record]) -> None:
    exact = records[len(records) // 2]["created_at"]
    wanted = [record["id"] for record in records if record["created_at"] == exact]
    assert emulator.ids(start_time=exact, end_time=exact) == wanted
    beside = (datetime.fromisoformat(exact) + timedelta(microseconds=1)).isoformat()
    assert emulator.ids(start_time=beside, end_time=beside) == []


def test_pages_give_every_task_once_newest_first(emulator: Any, records: list[Record]) -> None:
    newest_first = sorted(records, key=lambda record: (at(record), record["id"]), reverse=True)
    wanted = [record["id"] for record in newest_first]
    found: list[str] = []
    while page := emulator.listed(limit=70, offset=len(found)):
        assert page["count"] == len(wanted)
        if not page["operation_logs"]:
            break
        assert len(page["operation_logs"]) in {70, len(wanted) % 70}
        found += [record["id"] for record in page["operation_logs"]]
    assert found == wanted
    assert emulator.ids(limit=3, offset=5) == wanted[5:8]


def test_a_shown_task_is_the_listed_one(emulator: Any, records: list[Record]) -> None:
    for record in records[:: len(records) // 5]:
        answer = emulator.http.get(f"{emulator.tasks}/{record['id']}")
        assert answer.json() == {"operation_log": record}


def test_parameters_it_does_not_know_are_ignored(emulator: Any, records: list[Record]) -> None:
    assert emulator.listed(sort="id", marker="x")["count"] == len(records)
