"""Each kind of bad record is malformed as described, and leaves its page separable."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cbr_emulator.faults.bad_records import DEPTH, KINDS, MEGABYTE, NONE, BadRecords

RECORD = {
    "id": "a-1",
    "status": "success",
    "vault_name": 'a "quoted", name',
    "created_at": "2026-11-20T01:00:00.000001",
    "started_at": None,
    "ended_at": None,
    "updated_at": "2026-11-20T01:00:00.000001",
    "error_info": {"code": "", "message": ""},
    "extra_info": {"common": {"progress": 3}, "resource": {"name": "x"}},
}
TEXT = json.dumps(RECORD, separators=(",", ":")).encode()
TIMES = ("created_at", "started_at", "ended_at", "updated_at")


def is_broken(text: bytes) -> bool:
    with pytest.raises(ValueError, match=r"Expecting|Illegal"):
        json.loads(text)
    return True


def changed(text: bytes) -> dict[str, Any]:
    """Top-level values that changed."""
    record = json.loads(text)
    return {key: record.get(key) for key in {*record, *RECORD} if record.get(key) != RECORD.get(key)}


def is_wrong_type(text: bytes) -> bool:
    found = changed(text)
    if "status" in found:
        return isinstance(found["status"], dict)
    return found == {"extra_info": []} or found["extra_info"]["common"]["progress"] in {"nearly", 55.5}


def has_time(text: bytes, words: set[str]) -> bool:
    found = changed(text)
    return len(found) == 1 and found.keys() <= set(TIMES) and set(found.values()) <= words


def is_undecodable(text: bytes) -> bool:
    with pytest.raises(UnicodeDecodeError):
        text.decode()
    return json.loads(text.decode(errors="ignore")) == RECORD


PROOFS: dict[str, Callable[[bytes], bool]] = {
    "broken_json": is_broken,
    "not_object": lambda text: not isinstance(json.loads(text), dict),
    "missing_id": lambda text: changed(text) == {"id": None},
    "wrong_type": is_wrong_type,
    "garbage_time": lambda text: has_time(
        text, {"yesterday at noon", "2026-13-45T99:00:00", "0000-00-00T00:00:00"}
    ),
    "far_time": lambda text: has_time(
        text, {"1970-01-01T00:00:00", "2999-01-01T00:00:00", "9999-12-31T23:59:59.999999"}
    ),
    "huge_number": lambda text: changed(text)["extra_info"]["common"]["progress"] == 10**40,
    "nul": lambda text: "\0" in changed(text)["vault_name"],
    "lone_surrogate": lambda text: "\ud800" in changed(text)["vault_name"],
    "bad_utf8": is_undecodable,
    "megabyte": lambda text: len(changed(text)["error_info"]["message"]) == MEGABYTE,
    "duplicate_keys": lambda text: text.count(b'"status":') == 2 and json.loads(text) == RECORD,
    "deep_nesting": lambda text: text.count(b"[") == DEPTH and text.endswith(TEXT[1:]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_corruption_of_a_kind_is_as_described(kind: str) -> None:
    spoiled = [way(TEXT) for way in KINDS[kind].corruptions]
    assert len(set(spoiled)) == len(spoiled)
    for text in spoiled:
        assert text != TEXT
        assert PROOFS[kind](text)


@pytest.mark.parametrize("kind", KINDS)
def test_quotes_and_brackets_stay_in_balance(kind: str) -> None:
    for way in KINDS[kind].corruptions:
        depth, is_text, is_escaped = 0, False, False
        for sign in way(TEXT).decode(errors="replace"):
            if is_text:
                is_text = is_escaped or sign != '"'
                is_escaped = sign == "\\" and not is_escaped
            else:
                is_text = sign == '"'
                depth += (sign in "[{") - (sign in "]}")
                assert depth >= 0
        assert (depth, is_text) == (0, False)


def test_the_rate_is_kept_and_every_corruption_occurs() -> None:
    bad = BadRecords(0.25, tuple(KINDS), 1)
    kinds = [bad.kind_of(number) for number in range(8000)]
    share = sum(kind is not None for kind in kinds) / 8000
    assert 0.23 < share < 0.27
    assert set(kinds) == {None, *KINDS}
    corruptions = {
        bad.spoil(TEXT, number) for number in range(8000) if kinds[number] not in {None, "megabyte"}
    }
    assert len(corruptions) == sum(len(one.corruptions) for name, one in KINDS.items() if name != "megabyte")


def test_no_record_is_bad_by_default() -> None:
    assert {NONE.spoil(TEXT, number) for number in range(1000)} == {TEXT}
