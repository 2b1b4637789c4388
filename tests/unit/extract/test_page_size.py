"""A refused limit is asked for again in a smaller size; whatever else is refused is told."""

from datetime import UTC, datetime

import pytest

from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.extract.pagination import PageSize
from cbr_warehouse.source.page import Page


def source_that_takes(most: int, asked: list[int]):
    def ask(limit: int) -> Page:
        asked.append(limit)
        if limit > most:
            raise PermanentSourceError(f"limit must not exceed {most}", 400)
        return Page((), 0, datetime(2026, 1, 1, tzinfo=UTC), None, limit, 0, 200)

    return ask


@pytest.mark.parametrize(
    ("most", "found"), [(1000, 1000), (999, 100), (100, 100), (99, 50), (50, 50), (10, 10)]
)
def test_the_largest_size_that_is_taken_is_found_and_kept(most: int, found: int) -> None:
    size, asked = PageSize(), []
    assert size.ask(source_that_takes(most, asked), 1000).limit == found
    asked.clear()
    assert size.ask(source_that_takes(most, asked), 1000).limit == found
    assert asked == [found], "the refusal is learned once"


def test_one_row_is_asked_for_as_one_row() -> None:
    asked: list[int] = []
    PageSize().ask(source_that_takes(1, asked), 1)
    assert asked == [1]


def test_a_refusal_of_something_else_is_told_and_teaches_nothing() -> None:
    size, asked = PageSize(), []
    with pytest.raises(PermanentSourceError, match="must not exceed 0"):
        size.ask(source_that_takes(0, asked), 1000)
    assert asked == [1000, 100, 50, 10]
    assert size.rows == 1000


@pytest.mark.parametrize(
    "error",
    [PermanentSourceError("not here", 404), PermanentSourceError("no list"), TransientSourceError("503")],
)
def test_other_failures_are_not_asked_again(error: Exception) -> None:
    tries = []

    def ask(limit: int) -> Page:
        tries.append(limit)
        raise error

    with pytest.raises(type(error)):
        PageSize().ask(ask, 1000)
    assert tries == [1000]
