"""Progress of a load in the log of a run: one line for each step, and for each wait for a lock."""

from dataclasses import replace

import dagster as dg

from cbr_warehouse.load.context import LoadContext
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
        """Logs a message for the reader of the log."""
        self._log.info(sentence)


def logged_in_run(load_context: LoadContext, context: dg.AssetExecutionContext) -> LoadContext:
    """The context of a load whose progress and waits are in the log of a run.

    Args:
        load_context: The context.
        context: A step of the run.
    """
    return replace(load_context, progress=LoggedProgress(context.log))
