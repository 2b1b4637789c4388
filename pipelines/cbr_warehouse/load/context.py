"""What a load depends on and what it is asked to do. Values only; no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.place import LakeAddress

if TYPE_CHECKING:  # the HTTP client is imported where a source is connected to
    from cbr_warehouse.settings.select_sources import ReadyAccount
    from cbr_warehouse.source.account import AccountClient
    from cbr_warehouse.source.client import CbrClient


@dataclass(frozen=True)
class LoadContext:
    """Everything a load depends on, so that tests can replace the network, the clock and randomness.

    Attributes:
        directory: The data directory.
        contract: The columns of the tables and the records they accept.
        clock: Returns the present, UTC.
        new_id: Returns a random id.
        connect: Opens a client of a source's API; the load closes it.
        analytics: Time zone and thresholds of the analytics.
        progress: Receives the progress of the load.
        sources_at_once: How many sources a load reads side by side.
        publish_unchanged: How long a large warehouse may stay as published while loads bring no news.
        runner: Computes what is divided into shares; closed by whoever made the context.
        lake: The DuckLake that readers read; None where they read the file.
        connect_account: Opens a client of an account's IAM; None for the network.
    """

    directory: DataDirectory
    contract: Contract
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    connect: "Callable[[ReadySource], CbrClient]"
    analytics: AnalyticsSettings = field(default_factory=AnalyticsSettings)
    progress: Progress = field(default_factory=Progress)
    publish_unchanged: timedelta = timedelta(hours=24)
    sources_at_once: int = 16
    runner: ShareRunner = IN_PROCESS
    lake: LakeAddress | None = None
    connect_account: "Callable[[ReadyAccount], AccountClient] | None" = None


@dataclass(frozen=True)
class LoadRequest:
    """The options of a load.

    Attributes:
        range: A range of created_at to load instead of what the plan finds necessary.
        deep: Whether to read the whole horizon again.
        wait: Whether to wait for a running load of the same source instead of failing.
    """

    range: Range | None = None
    deep: bool = False
    wait: bool = False
