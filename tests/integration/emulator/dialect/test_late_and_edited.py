"""Changes while a client reads: late tasks, edits after the end, and the normal life cycle."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = ("--now", "2026-11-20T01:30:00Z")
ESTATE = ("--tasks", "400", "--days", "4", "--seed", "3", *NOW, "--freeze")
OPEN = {"waiting", "running"}
Answers = Callable[..., Any]


@pytest.fixture
def changes(emulate: Callable[..., str], asker_of: Callable[[str], Any]) -> Answers:
    """Starts an emulator with the given dialect."""
    return lambda *pairs, options=ESTATE: asker_of(
        emulate(*options, *(word for pair in pairs for word in ("--dialect", pair)))
    )


def instant(printed: str) -> datetime:
    at = datetime.fromisoformat(printed)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def episodes(truth: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Episodes of a kind by their only task."""
    return {one["tasks"][0]: one for one in truth["episodes"] if one["kind"] == kind}


def by_id(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in truth["operation_logs"]}


def test_late_tasks_appear_at_their_time_and_not_before(changes: Answers) -> None:
    asker, usual = changes("late=0.3", "late_by=8h"), changes()
    appeared = set()
    for _ in range(10):
        truth = asker.truth()
        now, held = instant(truth["now"]), by_id(truth)
        late = episodes(truth, "late_task")
        hidden = {task_id for task_id, one in late.items() if instant(one["ends_at"]) > now}
        assert {one["id"] for one in usual.truth()["operation_logs"]} - held.keys() == hidden
        assert set(asker.ids()) == held.keys()
        assert asker.listed(limit=1)["count"] == len(held)
        for task_id in sorted(hidden)[:5]:
            assert asker.shown(task_id).status_code == 404
        for task_id in late.keys() - hidden:
            assert held[task_id]["created_at"] == late[task_id]["begins_at"][:26]
            appeared.add(task_id)
        asker.advance("1h")
        usual.advance("1h")
    delays = [instant(one["ends_at"]) - instant(one["begins_at"]) for one in late.values()]
    assert 0.2 < len(late) / len(usual.truth()["operation_logs"]) < 0.4
    assert 7 * 3600 < max(delays).total_seconds() <= 8 * 3600
    assert len(appeared - set(episodes(changes("late=0.3", "late_by=8h").truth(), "late_task"))) > 3


def test_tasks_change_after_their_end_within_two_days(changes: Answers) -> None:
    asker, usual = changes("edited=0.4"), changes()
    seen = set()
    for _ in range(8):
        truth, plain = asker.truth(), by_id(usual.truth())
        now, edits = instant(truth["now"]), episodes(truth, "late_edit")
        for task_id, record in by_id(truth).items():
            changed = {key for key in record if record[key] != plain[task_id][key]}
            if task_id not in edits or instant(edits[task_id]["ends_at"]) > now:
                assert not changed
                continue
            edit = edits[task_id]
            part = "extra_info" if edit["about"] == "resource_name" else edit["about"]
            assert changed == {part, "updated_at"}
            assert instant(record["updated_at"]) == instant(edit["ends_at"]) > instant(record["ended_at"])
            assert edit["begins_at"][:26] == record["ended_at"]
            assert (instant(edit["ends_at"]) - instant(record["ended_at"])).total_seconds() < 48 * 3600
            if edit["about"] not in seen:
                assert asker.shown(task_id).json()["operation_log"] == record
            seen.add(edit["about"])
        asker.advance("6h")
        usual.advance("6h")
    assert seen == {"vault_name", "resource_name", "checkpoint_id"}


def test_a_changed_name_is_what_filters_find(changes: Answers) -> None:
    asker = changes("edited=1")
    asker.advance("2d")
    renamed = {
        one["id"]: one for one in asker.truth()["operation_logs"] if one["vault_name"].endswith("-renamed")
    }
    name = next(iter(renamed.values()))["vault_name"]
    wanted = {task_id for task_id, one in renamed.items() if one["vault_name"] == name}
    assert set(asker.ids(vault_name=name)) == wanted


def test_a_silent_change_leaves_updated_at(changes: Answers) -> None:
    asker, usual = changes("edited=0.4", "edits=silent"), changes()
    asker.advance("1d")
    usual.advance("1d")
    plain = by_id(usual.truth())
    changed = [one for one in asker.truth()["operation_logs"] if one != plain[one["id"]]]
    assert len(changed) > 30
    assert all(one["updated_at"] == plain[one["id"]]["updated_at"] for one in changed)


def test_tasks_begin_end_progress_and_expire_while_pages_are_read(changes: Answers) -> None:
    asker = changes("tick=25m", "retention=2d")
    before = by_id(asker.truth())
    read: list[str] = []
    while page := asker.ids(limit=20, offset=len(read)):
        truth = asker.truth()
        newest_first = sorted(
            truth["operation_logs"], key=lambda one: (one["created_at"], one["id"]), reverse=True
        )
        assert page == [one["id"] for one in newest_first[len(read) : len(read) + 20]]
        read += page
    after = by_id(truth)
    assert len(read) > len(set(read)), "what began must have pushed some onto the next page"
    assert after.keys() - before.keys()
    expired = before.keys() - after.keys()
    assert expired
    assert all(instant(before[task_id]["created_at"]) < instant(truth["now"]) for task_id in expired)
    both = before.keys() & after.keys()
    moved = {(before[task_id]["status"], after[task_id]["status"]) for task_id in both}
    assert {was for was, is_now in moved if was in OPEN and is_now not in OPEN}
    progress = [task_id for task_id in both if before[task_id]["status"] == "running"]
    assert any(
        before[task_id]["extra_info"]["common"] != after[task_id]["extra_info"]["common"]
        for task_id in progress
    )


def test_a_tick_is_the_same_each_time(changes: Answers) -> None:
    answers = []
    for _ in range(2):
        asker = changes("tick=1h")
        answers.append([asker.answered(limit=50, offset=offset).content for offset in (0, 40, 80)])
    assert answers[0] == answers[1]


def test_time_passes_by_itself_unless_it_is_frozen(changes: Answers) -> None:
    # The night's runs begin on the hour.
    asker = changes(options=("--tasks", "1500", "--days", "1", "--now", "2026-11-20T00:59:58Z"))
    before = asker.truth()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        after = asker.truth()
        if after["operation_logs"] != before["operation_logs"]:
            break
        time.sleep(0.2)
    assert after["operation_logs"] != before["operation_logs"]
    assert 0 < (instant(after["now"]) - instant(before["now"])).total_seconds() < 60
    frozen = changes()
    assert frozen.truth()["now"] == frozen.truth()["now"] == "2026-11-20T01:30:00+00:00"
