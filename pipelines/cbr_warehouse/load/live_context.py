"""The production dependencies of a load: this machine's clock, random ids, the network.

The command line and Dagster start here; tests build a ``LoadContext`` of their own.
"""

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.serve import choose_lake
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.rate_limit import RateLimiters
from cbr_warehouse.storage.layout import DataDirectory

if TYPE_CHECKING:
    from cbr_warehouse.source.client import CbrClient


def live_context(directory: DataDirectory, settings: Settings) -> LoadContext:
    """The dependencies of a load into this data directory.

    Args:
        directory: The data directory.
        settings: The configuration.
    """
    return LoadContext(
        directory=directory,
        contract=read_contract(),
        clock=lambda: datetime.now(UTC),
        new_id=uuid4,
        connect=partial(_connect, RateLimiters(directory.rates)),
        analytics=settings.analytics,
        publish_unchanged=settings.publish_unchanged,
        sources_at_once=settings.sources_at_once,
        runner=_choose_runner(directory, settings),
        lake=choose_lake(directory, settings),
    )


def _choose_runner(directory: DataDirectory, settings: Settings) -> ShareRunner:
    """Where tables are made; nothing is started or connected yet."""
    if settings.engine == "duckdb" or settings.spark_remote is None:
        return IN_PROCESS
    # Loads without Spark import nothing of it.
    from cbr_warehouse.compute.spark import SparkRunner  # noqa: PLC0415
    from cbr_warehouse.settings.engine import resolve_remote  # noqa: PLC0415

    return SparkRunner(resolve_remote(settings.spark_remote, os.environ), directory.root)


def _connect(rate_limiters: RateLimiters, ready: ReadySource) -> "CbrClient":
    # Dagster builds its code location without ever connecting, and httpx is slow to import.
    from cbr_warehouse.source.client import CbrClient  # noqa: PLC0415

    return CbrClient(ready.settings, ready.credentials, rate_limiters=rate_limiters)
