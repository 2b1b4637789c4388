"""The figures that docs/configuration.md gives users are those of the code."""

from pathlib import Path

from cbr_warehouse.source.rate_limit import FIRST_LIMIT, MAX_LIMIT
from cbr_warehouse.source.runtime import Timeouts

PAGE = " ".join((Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8").split())


def test_how_long_a_source_is_waited_for() -> None:
    assert "for ten minutes a request; a server never reached at all for a quarter of a minute" in PAGE
    assert (Timeouts().budget_seconds, Timeouts().contact_seconds) == (600, 15)


def test_how_many_requests_run_at_once() -> None:
    assert "two at once at first, up to eight while all goes well" in PAGE
    assert (FIRST_LIMIT, MAX_LIMIT) == (2, 8)
