"""Bad records take the place of their tasks in pages, and the truth has their exact text."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from cbr_emulator.faults.bad_records import KINDS

ESTATE = ("--tasks", "150", "--days", "4", "--seed", "3", "--now", "2026-11-20T01:30:00Z", "--freeze")
Answers = Callable[..., Any]


@pytest.fixture
def spoiling(emulate: Callable[..., str], asker_of: Callable[[str], Any]) -> Answers:
    """Starts the estate with bad records."""
    return lambda *faults, more=(): asker_of(
        emulate(*ESTATE, *more, *(word for pair in faults for word in ("--fault", f"bad_records={pair}")))
    )


def served(entry: dict[str, Any]) -> bytes:
    """The text of a spoiled record."""
    return base64.b64decode(entry["base64"]) if entry["text"] is None else entry["text"].encode()


def texts(truth: dict[str, Any]) -> list[bytes]:
    """All records in the order of a list, as the truth has them."""
    found = {
        (entry["created_at"][:26].ljust(26, "0"), entry["task_id"]): served(entry)
        for entry in truth["spoiled"]
    }
    for record in truth["operation_logs"]:
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        found.setdefault((record["created_at"], record["id"]), text)
    return [text for _, text in sorted(found.items(), reverse=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_made_of_sound_and_spoiled_records(spoiling: Answers, kind: str) -> None:
    asker = spoiling(kind, "0.1")
    truth = asker.truth()
    assert {(entry["kind"], entry["expect"]) for entry in truth["spoiled"]} == {(kind, KINDS[kind].expect)}
    assert 5 < len(truth["spoiled"]) < 30
    ids = {record["id"] for record in truth["operation_logs"]}
    spoiled = {entry["task_id"] for entry in truth["spoiled"]}
    assert (spoiled <= ids) if KINDS[kind].expect == "hold" else not spoiled & ids
    assert truth["count"] == len(truth["operation_logs"])
    assert truth["served"] == len(ids | spoiled)
    wanted = b'{"count":%d,"operation_logs":[%b]}' % (truth["served"], b",".join(texts(truth)))
    assert asker.answered().content == wanted


def test_of_all_kinds_each_is_served(spoiling: Answers) -> None:
    told = spoiling("0.9").truth()["spoiled"]
    assert {entry["kind"] for entry in told} == set(KINDS)


def test_kinds_alone_use_the_default_rate(spoiling: Answers) -> None:
    told = spoiling("nul", "not_object", more=("--tasks", "2000")).truth()
    assert {entry["kind"] for entry in told["spoiled"]} == {"nul", "not_object"}
    assert 15 < len(told["spoiled"]) < 80


def test_the_same_tasks_are_spoiled_whenever_they_are_asked_for(spoiling: Answers) -> None:
    first, again, other = (
        {entry["task_id"]: served(entry) for entry in spoiling("0.1", more=more).truth()["spoiled"]}
        for more in ((), (), ("--seed", "4"))
    )
    assert first == again
    assert first.keys() != other.keys()


def test_a_spoiled_task_is_shown_as_it_is_listed(spoiling: Answers) -> None:
    asker = spoiling("0.3")
    for entry in asker.truth()["spoiled"]:
        assert asker.shown(entry["task_id"]).content == b'{"operation_log":%b}' % served(entry)


def test_a_spoiled_task_is_filtered_by_what_it_is(spoiling: Answers) -> None:
    sound = spoiling("0")
    failed = sound.ids(status="failed")
    assert failed
    asker = spoiling("missing_id", "0.5")
    assert asker.listed(status="failed")["count"] == len(failed)
    lost = {entry["task_id"] for entry in asker.truth()["spoiled"]} & set(failed)
    assert lost
    assert {one.get("id") for one in asker.listed(status="failed")["operation_logs"]} == (
        set(failed) - lost
    ) | {None}


def test_the_truth_has_bad_records_as_served(spoiling: Answers) -> None:
    asker = spoiling("nul", "0.1", more=("--dialect", "times=offset", "--dialect", "nulls=absent"))
    told = asker.truth()
    assert all(not one["created_at"].endswith("+00:00") for one in told["operation_logs"])
    for entry in told["spoiled"]:
        assert json.loads(entry["text"])["created_at"].endswith("+00:00")
        assert served(entry) in asker.answered().content


def test_records_of_a_file_are_spoiled_too(
    emulate: Callable[..., str], asker_of: Callable[[str], Any], tmp_path: Any
) -> None:
    path = tmp_path / "records.json"
    path.write_text(json.dumps([{"id": str(n), "created_at": "2026-01-01T00:00:00"} for n in range(40)]))
    options = ("--records", str(path), "--fault", "bad_records=0.5", "--fault", "bad_records=broken_json")
    asker = asker_of(emulate(*options))
    truth = asker.truth()
    assert len(truth["spoiled"]) + truth["count"] == 40
    for entry in truth["spoiled"]:
        assert served(entry) in asker.answered().content
