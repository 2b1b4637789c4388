"""Triggers of faults: parsing, and when they are due."""

from random import Random

import pytest

from cbr_emulator.faults.options import parse_fault_options
from cbr_emulator.faults.triggers import Trigger, parse_trigger


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0", Trigger()),
        ("1", Trigger(1)),
        ("0.25", Trigger(0.25)),
        ("@3", Trigger(ranges=((3, 3),))),
        ("@3,7,12", Trigger(ranges=((3, 3), (7, 7), (12, 12)))),
        ("@10-20", Trigger(ranges=((10, 20),))),
        ("@2,10-20,30-", Trigger(ranges=((2, 2), (10, 20), (30, None)))),
    ],
)
def test_a_trigger_is_parsed(text: str, when: Trigger) -> None:
    assert parse_trigger(text) == when


@pytest.mark.parametrize(
    "text", ["", "@", "@0", "@-3", "@3,", "@5-4", "@a", "3,7", "-0.1", "1.1", "nan", "@٣"]
)
def test_an_invalid_trigger_is_rejected(text: str) -> None:
    assert parse_trigger(text) is None


def test_request_numbers_are_exact_and_use_no_randomness() -> None:
    random = Random(1)
    before = random.getstate()
    when = Trigger(ranges=((2, 2), (4, 5), (8, None)))
    assert [number for number in range(1, 11) if when.is_due(number, random)] == [2, 4, 5, 8, 9, 10]
    assert random.getstate() == before


def test_a_rate_is_approximately_kept() -> None:
    random, when = Random(1), Trigger(0.2)
    assert 1800 < sum(when.is_due(number, random) for number in range(10_000)) < 2200


@pytest.mark.parametrize(
    ("value", "uses", "seconds", "when"),
    [
        ("20", 20, None, None),
        ("5m", None, 300, None),
        ("0.1", None, None, Trigger(0.1)),
        ("@7", None, None, Trigger(ranges=((7, 7),))),
    ],
)
def test_a_token_expires_by_requests_time_or_trigger(
    value: str, uses: int | None, seconds: int | None, when: Trigger | None
) -> None:
    options = parse_fault_options([f"expire_token={value}"])
    lasts = options.token_lasts
    assert (options.token_uses, lasts and lasts.total_seconds()) == (uses, seconds)
    assert options.when.get("expire_token") == when
