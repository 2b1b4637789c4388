"""Progress of a load as lines of a run's log: one a step, none a record."""

import dagster as dg

from cbr_warehouse.load.progress import Progress


class LoggedProgress(Progress):
    """Writes each step into the log of a run.

    Args:
        log: The run's log.
    """

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log

    def step(self, source: str, what: str, *, is_counted: bool = False) -> None:
        """A source's next step begins."""
        del is_counted
        self._log.info(f"{source}: {what}" if source else what)

    def notice(self, sentence: str) -> None:
        """Something that whoever reads the log should know."""
        self._log.info(sentence)
