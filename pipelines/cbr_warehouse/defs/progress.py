"""Progress of a load as lines of a run's log: one a step, none a record."""

import dagster as dg

from cbr_warehouse.load.context import Progress


class LoggedProgress(Progress):
    """Writes each step into the log of a run.

    Args:
        log: The run's log.
    """

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log

    def step(self, source: str, what: str, total: int | None = None) -> None:
        """A new step begins, of ``total`` units if that is known."""
        subject = f"{source}: {what}" if source else what
        self._log.info(subject if total is None else f"{subject}, of {total}")
