"""The clock drives the life cycle of tasks, and the same options give the same estate."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

ESTATE = ("--tasks", "400", "--days", "4", "--now", "2026-11-20T01:30:00Z", "--freeze")


def test_time_ends_running_tasks_and_brings_new_ones(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    asker = asker_of(emulate(*ESTATE))
    before = asker.truth()
    unfinished = {
        one["id"]: one for one in before["operation_logs"] if one["status"] in {"running", "waiting"}
    }
    assert {one["status"] for one in unfinished.values()} == {"running", "waiting"}
    for one in unfinished.values():
        assert one["ended_at"] is None
        assert (one["started_at"] is None) == (one["status"] == "waiting")
    assert set(asker.ids(status="running")) | set(asker.ids(status="waiting")) == set(unfinished)

    asker.advance("26h")
    after = asker.truth()
    now = [datetime.fromisoformat(told["now"]) for told in (before, after)]
    assert (now[1] - now[0]).total_seconds() == 26 * 3600
    by_id = {one["id"]: one for one in after["operation_logs"]}
    for task_id, one in unfinished.items():
        assert by_id[task_id]["status"] in {"success", "failed", "timeout"}
        assert by_id[task_id]["updated_at"] > one["updated_at"]
        assert by_id[task_id]["ended_at"] > by_id[task_id]["started_at"]
    new = by_id.keys() - {one["id"] for one in before["operation_logs"]}
    assert len(new) > 50
    assert all(by_id[task_id]["created_at"] > before["now"][:19] for task_id in new)
    assert not set(unfinished) & set(asker.ids(status="running"))


def test_what_is_older_than_the_retention_is_served_no_more(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    asker = asker_of(emulate(*ESTATE, "--dialect", "retention=2d"))
    before = asker.truth()
    assert 0 < before["count"] < 380
    assert min(one["created_at"] for one in before["operation_logs"]) >= "2026-11-18T01:30:00"
    oldest = min(before["operation_logs"], key=lambda one: one["created_at"])["id"]
    assert asker.http.get(f"{asker.tasks}/{oldest}").status_code == 200
    asker.advance("2d")
    assert asker.http.get(f"{asker.tasks}/{oldest}").status_code == 404
    assert oldest not in {one["id"] for one in asker.truth()["operation_logs"]}


def test_the_same_options_are_the_same_estate(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    first, again, other = (
        asker_of(emulate(*ESTATE, "--seed", seed)).truth()["operation_logs"] for seed in ("1", "1", "2")
    )
    assert first == again
    assert not {one["id"] for one in first} & {one["id"] for one in other}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_episodes_are_listed_from_their_begin(
    emulate: Callable[..., str], asker_of: Callable[[str], Any], seed: str
) -> None:
    asker = asker_of(emulate("--tasks", "4000", "--days", "20", "--seed", seed, *ESTATE[4:]))
    told = asker.truth()
    by_id = {one["id"]: one for one in told["operation_logs"]}
    kinds = {episode["kind"] for episode in told["episodes"]}
    assert kinds >= {"failing_streak", "incident", "manual_rerun"}
    for episode in told["episodes"]:
        assert datetime.fromisoformat(episode["begins_at"]) <= datetime.fromisoformat(told["now"])
        if episode["kind"] == "failing_streak":
            served = [by_id[task_id] for task_id in episode["tasks"] if task_id in by_id]
            assert {one["extra_info"]["resource"]["id"] for one in served} == {episode["about"]}


def test_episodes_name_the_tasks_that_were_created_by_now(
    emulate: Callable[..., str], asker_of: Callable[[str], Any]
) -> None:
    """The episode of a continuing streak named future failures that were not served yet."""
    asker = asker_of(emulate("--tasks", "4000", "--days", "20", "--seed", "1", *ESTATE[4:]))
    seen = set()
    for _ in range(4):
        told = asker.truth()
        seen |= {one["id"] for one in told["operation_logs"]}
        assert {task_id for episode in told["episodes"] for task_id in episode["tasks"]} <= seen
        asker.advance("25h")
