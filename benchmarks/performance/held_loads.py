"""The loads of the past that leave many tasks held, of a source that keeps its tasks for 31 days.

One process, the real client and loads of ``cbr_warehouse`` over HTTP; only the present is one of the past,
the loader's and the server's. Run: python held_loads.py URL DAYS, in a folder with a configuration.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from measured import set_present

from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.live_context import live_context
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.select_sources import require_sources
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.storage.layout import DataDirectory

APART = timedelta(days=25)
"""Between two loads; the source keeps its tasks for some days more."""


def presents(now: datetime, days: int) -> Iterator[datetime]:
    """When loads are made, the last one now, those before at midnight, so that their history has whole days.

    Args:
        now: The present, UTC.
        days: Age of the oldest task.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yield from (midnight - APART * back for back in range(max(0, (days - 1) // APART.days), 0, -1))
    yield now


def _at(context: LoadContext, present: datetime) -> LoadContext:
    runtime = Runtime(clock=lambda: present)
    return replace(
        context,
        clock=lambda: present,
        connect=lambda one: CbrClient(one.settings, one.credentials, runtime),
    )


def main(url: str, days: int) -> None:
    """Loads at each present.

    Raises:
        SystemExit: A load failed.
    """
    settings = read_settings(None, None, os.environ)
    sources = require_sources(settings, None, os.environ)
    context = live_context(DataDirectory(settings.data_dir), settings)
    for present in presents(datetime.now(UTC), days):
        set_present(url, present)
        (result,) = load(_at(context, present), sources, LoadRequest()).sources
        if result.failure is not None or result.entry.outcome != "done":
            raise SystemExit(f"load of {present} failed: {result.failure} {result.entry.message}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
