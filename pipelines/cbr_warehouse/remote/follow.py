"""Keeps the published warehouse of a working copy as new as the store has it, for commands that run for long.

It looks when something is asked, and not more often than every few seconds: one conditional request where
nothing is new. A store that is slow or does not answer keeps nobody waiting: what is here is whole.
"""

import time
from collections.abc import Callable
from threading import Lock, Thread

from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.remote.hold import refresh
from cbr_warehouse.remote.scopes import WAREHOUSE
from cbr_warehouse.storage.layout import DataDirectory

EVERY_SECONDS = 10.0
"""How old an answer of the store may be."""

WAIT_SECONDS = 3.0
"""How long a question waits for a newer file; one that takes longer to fetch is there for a later one."""


class PublishedFollower:
    """Brings the published warehouse up when something is asked. Safe to use from several threads.

    Args:
        directory: The working copy.
        report: Gets a sentence where the store does not answer, once until it does again.
        monotonic: Seconds that never run backwards.
    """

    def __init__(
        self,
        directory: DataDirectory,
        report: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._report = report
        self._monotonic = monotonic
        self._turn = Lock()
        self._looking: Thread | None = None
        self._next_at = monotonic() + EVERY_SECONDS  # it was brought up when the command began
        self._is_silent = False

    def bring_up(self) -> None:
        """Looks for a newer publication if the last look is long enough ago."""
        with self._turn:
            is_looking = self._looking is not None and self._looking.is_alive()
            if is_looking or self._monotonic() < self._next_at:
                return
            self._next_at = self._monotonic() + EVERY_SECONDS
            self._looking = Thread(target=self._look, name="published", daemon=True)
            self._looking.start()
            self._looking.join(WAIT_SECONDS)

    def _look(self) -> None:
        try:
            refresh(self._directory, [WAREHOUSE], self._report)
        except CbrWarehouseError as error:
            if not self._is_silent:
                self._report(f"{error} Until then, answers are from the warehouse that this machine has.")
            self._is_silent = True
        else:
            self._is_silent = False
