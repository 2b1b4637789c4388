"""The range of ``--since`` and ``--until``, however far away its times are."""

from datetime import UTC, datetime

import pytest

from cbr_warehouse.cli.load import read_range
from cbr_warehouse.errors import UsageError
from cbr_warehouse.extract.plan import Horizon, Range, SourceState, plan_load

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("since", ["0001-01-01", "1970-01-01", "1999-12-31T23:59:59Z", "300000d"])
def test_before_there_was_anything_is_from_the_beginning(since: str) -> None:
    """A window padded to before year 1 was an unexpected error."""
    wanted = read_range(since, None, NOW)
    assert wanted == Range(OLDEST, None)
    span = NOW - OLDEST
    assert plan_load(NOW, Horizon(span, span), SourceState({}), requested=wanted).audited[0] == OLDEST.date()


@pytest.mark.parametrize("since", ["99999999999d", "9" * 5000 + "w", "750000d"])
def test_a_span_that_no_calendar_has_is_told_as_no_time(since: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        read_range(since, None, NOW)
