"""A load's surroundings as they really are: this machine's clock, random ids, the network.

What the command line and Dagster start from; tests pass surroundings of their own instead.
"""

from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.rate_limit import RateLimiters
from cbr_warehouse.storage.layout import DataDirectory


def live_loading(directory: DataDirectory, analytics: AnalyticsSettings) -> LoadContext:
    """What a load into this data directory works with, outside of tests."""
    return LoadContext(
        directory=directory,
        contract=read_contract(),
        clock=lambda: datetime.now(UTC),
        new_id=uuid4,
        connect=partial(_connect, RateLimiters()),
        analytics=analytics,
    )


def _connect(rate_limiters: RateLimiters, ready: ReadySource) -> CbrClient:
    return CbrClient(ready.settings, ready.credentials, rate_limiters=rate_limiters)
