"""The figures that docs/configuration.md gives users are those of the code."""

from pathlib import Path

from cbr_warehouse.source.rate_limit import FIRST_LIMIT, MAX_LIMIT
from cbr_warehouse.source.retry import MAX_ATTEMPTS
from cbr_warehouse.source.runtime import Timeouts
from cbr_warehouse.source.transport import MAX_BODY_BYTES

PAGE = " ".join((Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8").split())


def test_how_long_a_source_is_waited_for() -> None:
    assert "up to ten minutes per request and at most 40 attempts" in PAGE
    assert "for a server that was never reached only 15 seconds" in PAGE
    assert (Timeouts().budget_seconds, Timeouts().contact_seconds, MAX_ATTEMPTS) == (600, 15, 40)


def test_how_many_requests_run_at_once() -> None:
    assert "two at once at first, up to eight without errors" in PAGE
    assert (FIRST_LIMIT, MAX_LIMIT) == (2, 8)


def test_how_much_of_a_response_is_read() -> None:
    assert "A response of more than 64 MiB is not read to its end" in PAGE
    assert MAX_BODY_BYTES == 64 * 2**20
