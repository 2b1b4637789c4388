"""What a load works with and what it is asked to do. Values and one protocol; no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.storage.layout import DataDirectory


class Progress:
    """Told how a load goes on; the silent one. The command line shows bars instead."""

    def step(self, source: str, what: str, total: int | None = None) -> None:
        """A new step begins, of ``total`` units if that is known."""

    def advance(self, amount: int = 1) -> None:
        """The step went on."""


@dataclass(frozen=True)
class LoadContext:
    """What a load works with, all of it passed in.

    Attributes:
        directory: The data directory.
        contract: The contract.
        clock: Tells the time, UTC.
        new_id: Makes random ids.
        connect: Opens the client of a source.
        analytics: What the analytics are set to.
        progress: Told how it goes on.
    """

    directory: DataDirectory
    contract: Contract
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    connect: Callable[[ReadySource], CbrClient]
    analytics: AnalyticsSettings = field(default_factory=AnalyticsSettings)
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class LoadRequest:
    """What a load shall do beyond what its plan finds necessary.

    Attributes:
        range: A range of created_at instead of what the plan finds.
        deep: Whether the whole horizon shall be read again.
        wait: Whether to wait for a load that runs.
    """

    range: Range | None = None
    deep: bool = False
    wait: bool = False
