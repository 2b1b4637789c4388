"""How old the newest load may be for Dagster to show it as fresh, by the schedule.

That data is old though loads succeed is found by the checks of ``conditions``.
"""

from datetime import timedelta
from functools import cache
from itertools import islice, pairwise

import dagster as dg

from cbr_warehouse.contract.api_facts import EARLIEST

WARN_AFTER = 3
"""Ticks without a successful load from which on an asset is shown as late."""

FAIL_AFTER = 6
"""Ticks from which on it is shown as overdue."""

_TICKS = 60
_SHORTEST = timedelta(minutes=30)
"""Schedules of minutes are for tests; a load may take longer than their ticks."""


@cache
def freshness_by(cron: str) -> dg.FreshnessPolicy:
    """The freshness policy of what each tick loads.

    Args:
        cron: The schedule, in UTC.
    """
    from dagster._utils.schedules import cron_string_iterator

    ticks = islice(cron_string_iterator(EARLIEST.timestamp(), cron, "UTC"), _TICKS)
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    warn = max(_SHORTEST, WARN_AFTER * longest)
    return dg.FreshnessPolicy.time_window(
        fail_window=max(2 * _SHORTEST, FAIL_AFTER * longest), warn_window=warn
    )
