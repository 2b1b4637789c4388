"""A load's surroundings as they really are: this machine's clock, random ids, the network.

What the command line and Dagster start from; tests pass surroundings of their own instead.
"""

from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from pipelines.contract.read import read_contract
from pipelines.load.context import Loading
from pipelines.settings.analytics import AnalyticsSettings
from pipelines.settings.require import ReadySource
from pipelines.source.budgets import Budgets
from pipelines.source.client import CbrClient
from pipelines.storage.layout import DataDirectory


def live_loading(directory: DataDirectory, analytics: AnalyticsSettings) -> Loading:
    """What a load into this data directory works with, outside of tests."""
    return Loading(
        directory=directory,
        contract=read_contract(),
        clock=lambda: datetime.now(UTC),
        new_id=uuid4,
        connect=partial(_connect, Budgets()),
        analytics=analytics,
    )


def _connect(budgets: Budgets, ready: ReadySource) -> CbrClient:
    return CbrClient(ready.settings, ready.credentials, budgets=budgets)
