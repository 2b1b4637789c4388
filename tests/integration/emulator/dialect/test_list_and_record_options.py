"""Each dialect option changes responses as documented, and nothing else."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from support.emulator_server import serve

ESTATE = ("--tasks", "600", "--days", "4", "--seed", "3", "--now", "2026-11-20T01:30:00Z", "--freeze")
SERVER_DISK = {"0daac4c5-6707-4851-97ba-169e36266b66", "d1603440-187d-4516-af25-121250c7cc97"}
Answers = Callable[..., Any]


@pytest.fixture(scope="module")
def usual(asker_of: Answers) -> Any:
    with serve(*ESTATE) as url:
        yield asker_of(url)


@pytest.fixture
def speaking(emulate: Callable[..., str], asker_of: Answers) -> Answers:
    """Starts the same estate in another dialect."""
    return lambda *pairs: asker_of(
        emulate(*ESTATE, *(word for pair in pairs for word in ("--dialect", pair)))
    )


def records(asker: Any, **parameters: Any) -> dict[str, Any]:
    return {one["id"]: one for one in asker.listed(**parameters)["operation_logs"]}


@pytest.mark.parametrize("column", ["created_at", "updated_at", "started_at", "id"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_order_and_direction(speaking: Answers, column: str, direction: str) -> None:
    listed = speaking(f"order={column}", f"direction={direction}").listed()["operation_logs"]
    keys = [(one[column] or "", one["id"]) for one in listed]
    assert keys == sorted(keys, reverse=direction == "desc")
    assert len(keys) >= 590


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("started_at", "started_at", "started_at"),
        ("updated_at", "updated_at", "updated_at"),
        ("started_ended", "started_at", "ended_at"),
    ],
)
def test_filter(speaking: Answers, value: str, first: str, last: str) -> None:
    asker = speaking(f"filter={value}")
    everything = records(asker)
    start, end = "2026-11-17T00:20:00", "2026-11-20T01:00:00"
    for told, wanted in (
        ({"start_time": start}, lambda one: (one[first] or "") >= start),
        ({"end_time": end}, lambda one: one[last] is not None and one[last] <= end),
    ):
        found = set(records(asker, **told))
        assert found == {key for key, one in everything.items() if wanted(one)}
        assert 0 < len(found) < len(everything)


def test_exclusive_bounds(speaking: Answers, usual: Any) -> None:
    times = sorted(one["created_at"] for one in records(usual).values())
    window = {"start_time": times[100], "end_time": times[200]}
    inside = {key for key, one in records(usual).items() if times[100] < one["created_at"] < times[200]}
    assert set(records(speaking("bounds=exclusive"), **window)) == inside
    assert len(records(usual, **window)) == len(inside) + 2


def test_a_maximum_clamps(speaking: Answers) -> None:
    asker = speaking("max_limit=50")
    assert len(asker.ids(limit=51)) == len(asker.ids()) == 50
    assert asker.listed(limit=51)["count"] >= 590


def test_a_maximum_refuses(speaking: Answers) -> None:
    asker = speaking("max_limit=50", "over_limit=refuse")
    assert len(asker.ids(limit=50)) == 50
    answer = asker.http.get(asker.tasks, params={"limit": 51})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BackupService.6000")


def test_a_missing_limit_is_never_refused(speaking: Answers) -> None:
    assert len(speaking("max_limit=50", "over_limit=refuse").ids()) == 50


@pytest.mark.parametrize(
    ("pairs", "rows"),
    [
        ((), 10),
        (("default_limit=7",), 7),
        (("default_limit=50",), 30),
    ],
)
def test_a_limit_that_is_too_large_falls_back(speaking: Answers, pairs: tuple[str, ...], rows: int) -> None:
    asker = speaking("max_limit=30", "over_limit=default", *pairs)
    assert len(asker.ids(limit=30)) == 30
    assert len(asker.ids(limit=31)) == len(asker.ids(limit=1000)) == rows
    assert asker.listed(limit=31)["count"] >= 590


def test_a_default_limit_is_that_of_requests_without_one(speaking: Answers) -> None:
    asker = speaking("default_limit=50")
    assert len(asker.ids()) == 50
    assert len(asker.ids(limit=51)) == 51


def test_limit_and_offset_are_repeated(speaking: Answers, usual: Any) -> None:
    asker = speaking("echo=present", "max_limit=40")
    body = asker.listed(limit=100, offset=3)
    assert (body.pop("limit"), body.pop("offset")) == (40, 3)
    assert body == usual.listed(limit=40, offset=3)
    assert asker.listed()["offset"] == 0


def test_count_of_the_page(speaking: Answers) -> None:
    assert speaking("count=page").listed(limit=7)["count"] == 7


def test_offset_from_one(speaking: Answers, usual: Any) -> None:
    asker = speaking("offset_base=1")
    assert asker.ids(limit=5) == asker.ids(limit=5, offset=1) == usual.ids(limit=5)
    assert asker.ids(limit=5, offset=2) == usual.ids(limit=5, offset=1)


def test_fuzzy_names(speaking: Answers, usual: Any) -> None:
    asker = speaking("names=fuzzy")
    everything = records(usual)
    for name, held in (
        ("vault_name", lambda one: one["vault_name"]),
        ("resource_name", lambda one: one["extra_info"].get("resource", {}).get("name", "")),
    ):
        part = held(next(one for one in everything.values() if held(one)))[1:-1]
        wanted = {key for key, one in everything.items() if part in held(one)}
        assert set(records(asker, **{name: part})) == wanted
        assert records(usual, **{name: part}) == {}
    assert records(asker, resource_name="None") == {}


def test_only_servers_and_disks_unless_asked(emulate: Callable[..., str], asker_of: Answers) -> None:
    url = emulate("--tasks", "6000", "--days", "4", *ESTATE[4:], "--dialect", "provider_default=server_disk")
    asker = asker_of(url)
    served = asker.truth()["operation_logs"]
    turbo = [one["id"] for one in served if one["provider_id"] not in SERVER_DISK]
    assert turbo
    assert asker.listed(limit=1)["count"] == len(served) - len(turbo)
    provider = next(one["provider_id"] for one in served if one["id"] == turbo[0])
    assert asker.listed(limit=1, provider_id=provider)["count"] == len(turbo)


@pytest.mark.parametrize(
    ("value", "pattern"),
    [("z", r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z"), ("offset", r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}\+00:00")],
)
def test_times(speaking: Answers, usual: Any, value: str, pattern: str) -> None:
    names = ("created_at", "started_at", "ended_at", "updated_at")
    found = records(speaking(f"times={value}"))
    for key, one in records(usual).items():
        for name in names:
            if one[name] is None:
                assert found[key][name] is None
            else:
                assert re.fullmatch(pattern, found[key][name])
                assert found[key][name][:23] == one[name][:23]


def test_absent_nulls(speaking: Answers, usual: Any) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(one) for key, one in value.items() if one is not None}
        return [without(one) for one in value] if isinstance(value, list) else value

    before = records(usual)
    assert records(speaking("nulls=absent")) == without(before) != before


def test_incremental_as_text(speaking: Answers, usual: Any) -> None:
    found = records(speaking("incremental=string"))
    words = set()
    for key, one in records(usual).items():
        if "backup" in one["extra_info"]:
            word = found[key]["extra_info"]["backup"].pop("incremental")
            assert word == str(one["extra_info"]["backup"].pop("incremental")).lower()
            words.add(word)
        assert found[key] == one
    assert words == {"true", "false"}


def test_long_counters(emulate: Callable[..., str], asker_of: Answers) -> None:
    estate = ("--tasks", "9000", "--days", "30", *ESTATE[4:])
    short, long = (
        records(asker_of(emulate(*estate, "--dialect", f"counters={value}")), operation_type="vault_delete")
        for value in ("short", "long")
    )
    assert short
    for key, one in short.items():
        block = one["extra_info"]["vault_delete"]
        assert long[key]["extra_info"]["vault_delete"] == {
            "fail_delete_count": block["fail_count"],
            "total_delete_count": block["total_count"],
        }


@pytest.mark.parametrize("shown_as", ["times=z", "nulls=absent", "incremental=string"])
def test_a_task_is_shown_in_the_dialect_it_is_listed_in(speaking: Answers, shown_as: str) -> None:
    asker = speaking(shown_as)
    listed = asker.listed(limit=1, operation_type="backup")["operation_logs"][0]
    assert asker.http.get(f"{asker.tasks}/{listed['id']}").json() == {"operation_log": listed}
