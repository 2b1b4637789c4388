"""When faults strike, how large a page is, and that the page of documentation says what the code says."""

from pathlib import Path
from random import Random

import pytest

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.docs_page import page
from cbr_emulator.faults.options import read_fault_options
from cbr_emulator.faults.triggers import When, read_when

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0", When()),
        ("1", When(1)),
        ("0.25", When(0.25)),
        ("@3", When(ranges=((3, 3),))),
        ("@3,7,12", When(ranges=((3, 3), (7, 7), (12, 12)))),
        ("@10-20", When(ranges=((10, 20),))),
        ("@2,10-20,30-", When(ranges=((2, 2), (10, 20), (30, None)))),
    ],
)
def test_a_schedule_is_read(text: str, when: When) -> None:
    assert read_when(text) == when


@pytest.mark.parametrize(
    "text", ["", "@", "@0", "@-3", "@3,", "@5-4", "@a", "3,7", "-0.1", "1.1", "nan", "@٣"]
)
def test_what_is_no_schedule_is_not_read(text: str) -> None:
    assert read_when(text) is None


def test_a_schedule_strikes_where_it_says_and_draws_no_chance() -> None:
    random = Random(1)
    before = random.getstate()
    when = When(ranges=((2, 2), (4, 5), (8, None)))
    assert [number for number in range(1, 11) if when.strikes(number, random)] == [2, 4, 5, 8, 9, 10]
    assert random.getstate() == before


def test_a_rate_strikes_about_as_often_as_it_says() -> None:
    random, when = Random(1), When(0.2)
    assert 1800 < sum(when.strikes(number, random) for number in range(10_000)) < 2200


@pytest.mark.parametrize(
    ("value", "uses", "seconds", "when"),
    [
        ("20", 20, None, None),
        ("5m", None, 300, None),
        ("0.1", None, None, When(0.1)),
        ("@7", None, None, When(ranges=((7, 7),))),
    ],
)
def test_a_token_may_end_in_three_ways(
    value: str, uses: int | None, seconds: int | None, when: When | None
) -> None:
    options = read_fault_options([f"expire_token={value}"])
    lasts = options.token_lasts
    assert (options.token_uses, lasts and lasts.total_seconds()) == (uses, seconds)
    assert options.when.get("expire_token") == when


@pytest.mark.parametrize(
    ("dialect", "sizes"),
    [
        (Dialect(), {None: 1000, 1: 1, 1000: 1000, 5000: 1000}),
        (Dialect(max_limit=50), {None: 50, 50: 50, 51: 50}),
        (Dialect(max_limit=50, over_limit="refuse"), {None: 50, 50: 50, 51: None}),
        (Dialect(max_limit=50, over_limit="default"), {None: 50, 50: 50, 51: 10}),
        (Dialect(max_limit=5, over_limit="default"), {None: 5, 5: 5, 6: 5}),
        (Dialect(max_limit=50, over_limit="default", default_limit=20), {None: 20, 50: 50, 51: 20}),
        (Dialect(default_limit=50), {None: 50, 51: 51}),
    ],
)
def test_how_many_rows_a_page_has(dialect: Dialect, sizes: dict[int | None, int | None]) -> None:
    assert {limit: dialect.page_size(limit) for limit in sizes} == sizes


def test_the_documentation_is_what_the_code_says() -> None:
    assert (DOCS / "emulator.md").read_text(encoding="utf-8") == page(), (
        "write it again: .venv/bin/python -m cbr_emulator.docs_page > docs/emulator.md"
    )
