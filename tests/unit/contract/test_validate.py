"""The door's fast way: it may only pass what the exact reading would pass with the same verdict."""

from datetime import UTC, datetime

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator

NOW = datetime(2026, 11, 25, tzinfo=UTC)
VALIDATOR = RecordValidator(read_contract())


@pytest.mark.parametrize("space", ["", " ", "  ", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("key", ["id", "created_at", "status"])
def test_a_key_that_stands_twice_is_refused_however_it_is_printed(key: str, space: str) -> None:
    """Seen: one of them printed with a tab before its colon, and door and tables each took another."""
    first = {"id": "b", "created_at": "2026-11-18T01:00:00", "status": "failed"}[key]
    record = f'{{"{key}"{space}:"{first}","id":"a","created_at":"2026-11-19T01:00:00","status":"success"}}'
    verdict = VALIDATOR.check(record.encode(), NOW)
    assert verdict.reason == f'the key "{key}" stands twice in one object'


@pytest.mark.parametrize(
    ("printed", "task_id"),
    [
        ('"a"', "a"),
        ('"a\\tb"', "a\tb"),
        ('"a\\u00a0b"', "a\u00a0b"),
        ("1.50", "1.50"),
        ("true", "true"),
        ('""', None),
        ("null", None),
        ("[]", None),
        ('"a\\u0000"', None),
        ('"a\\ud800"', None),
    ],
)
def test_a_refused_record_has_the_id_that_a_sound_one_would_have(printed: str, task_id: str | None) -> None:
    """Seen: one of a task whose id is a number or holds a tab was never resolved."""
    sound = f'{{"id":{printed},"created_at":"2026-11-19T01:00:00"}}'
    broken = sound[:-1] + ',"extra_info":[]}'
    assert VALIDATOR.check(broken.encode(), NOW).task_id == task_id
    assert VALIDATOR.check(sound.encode(), NOW).task_id == task_id


def test_a_text_that_hides_a_colon_does_not_make_up_for_a_key_that_stands_twice() -> None:
    r"""Keys are counted by ``":``, which a text value can hold with its colon printed as an escape."""
    record = rb'{"id":"b","id":"a","created_at":"2026-11-19T01:00:00","status":"x\"\u003a"}'
    assert VALIDATOR.check(record, NOW).reason == 'the key "id" stands twice in one object'


def test_a_page_is_not_accepted_for_the_sum_of_its_keys() -> None:
    """The keys of all records are counted together: what one has twice, another must not lack."""
    twice = b'{"id":"b","id":"a","created_at":"2026-11-19T01:00:00"}'
    hiding = rb'{"id":"c","created_at":"2026-11-19T01:00:00","status":"x\"\u003a","vault_name":"\"\u003a"}'
    found = VALIDATOR.check_page([hiding, twice, hiding], NOW)
    assert [found.exact[1].reason, found.task_ids] == [
        'the key "id" stands twice in one object',
        ["c", "b", "c"],
    ]
    assert {0, 2}.isdisjoint(found.exact)
