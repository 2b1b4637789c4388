"""The page size for a requested limit, by dialect."""

import pytest

from cbr_emulator.dialect.settings import Dialect


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
def test_page_size(dialect: Dialect, sizes: dict[int | None, int | None]) -> None:
    assert {limit: dialect.page_size(limit) for limit in sizes} == sizes
