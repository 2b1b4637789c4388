"""How many rows a source returns per page, as the sweeps of its last load show."""

from datetime import UTC, datetime

import pytest

from cbr_warehouse.load.forecast_inputs import guess_page_rows
from cbr_warehouse.raw.ledgers import SweepEntry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sweep(pages: int, records: int) -> SweepEntry:
    return SweepEntry("L1", 1, "window", None, None, pages, records, NOW)


@pytest.mark.parametrize(
    ("sweeps", "rows"),
    [
        ([], 1000),
        ([(0, 0), (1, 400)], 1000),
        ([(2, 150)], 100),
        # All pages but the last are full, and the last one has a row at least.
        ([(2, 101)], 100),
        ([(2, 100)], 50),
        ([(3, 150)], 50),
        ([(2, 51)], 50),
        ([(3, 55), (1, 20)], 20),
        ([(2, 1500), (1, 3)], 1000),
        # No usual size: what a page had on average.
        ([(2, 60), (1, 40)], 50),
        ([(3, 100), (1, 49)], 49),
        ([(4, 7)], 2),
        ([(2, 2)], 1),
    ],
)
def test_it_is_the_largest_usual_one_that_agrees_with_all_sweeps(
    sweeps: list[tuple[int, int]], rows: int
) -> None:
    assert guess_page_rows([sweep(*one) for one in sweeps]) == rows
