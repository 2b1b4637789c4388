"""Days as sentences: runs of consecutive days as ranges."""

from collections.abc import Sequence
from datetime import date

from cbr_warehouse.amounts import amount
from cbr_warehouse.contract.utc_days import consecutive_runs

_MOST_RUNS = 5


def show_days(days: Sequence[date]) -> str:
    """Names days, consecutive ones as a range, many only by their number.

    >>> show_days([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)])
    '3 days (2026-01-01 to 2026-01-02, 2026-01-09)'
    """
    runs = consecutive_runs(days)
    shown = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs[:_MOST_RUNS]]
    more = [f"and {len(runs) - _MOST_RUNS} more spans"] if len(runs) > _MOST_RUNS else []
    return f"{amount(len(days), 'days')} ({', '.join(shown + more)})"
