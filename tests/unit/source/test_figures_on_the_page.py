"""The figures that docs/configuration.md gives users are those of the code."""

from pathlib import Path

from pipelines.source.surroundings import Patience
from pipelines.source.throttle import FIRST_LIMIT, MOST_LIMIT

PAGE = " ".join((Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8").split())


def test_how_long_a_source_is_waited_for() -> None:
    assert "for ten minutes a request; a server never reached at all for a quarter of a minute" in PAGE
    assert (Patience().budget_seconds, Patience().contact_seconds) == (600, 15)


def test_how_many_requests_run_at_once() -> None:
    assert "two at once at first, up to eight while all goes well" in PAGE
    assert (FIRST_LIMIT, MOST_LIMIT) == (2, 8)
