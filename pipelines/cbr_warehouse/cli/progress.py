"""Shows how a load goes on, on stderr: bars on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from cbr_warehouse.load.context import Progress


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Gives the progress that fits stderr, and leaves it clean."""
    if not sys.stderr.isatty():
        lines = Lines()
        yield lines
        lines.finish()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield Bars(bars)


class Bars(Progress):
    """One bar a step, the last one moving."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def step(self, source: str, what: str, total: int | None = None) -> None:
        """Ends the bar before and begins one."""
        self.finish()
        self._task = self._bars.add_task(f"{source} {what}".strip(), total=total)

    def advance(self, amount: int = 1) -> None:
        """Moves the bar."""
        if self._task is not None:
            self._bars.advance(self._task, amount)

    def finish(self) -> None:
        """Ends the bar where it stands."""
        if self._task is not None:
            done = self._bars.tasks[-1].completed
            self._bars.update(self._task, total=max(done, 1), completed=max(done, 1))


class Lines(Progress):
    """One line a step, written when it is over."""

    def __init__(self) -> None:
        self._label = ""
        self._done = 0
        self._lock = Lock()

    def step(self, source: str, what: str, total: int | None = None) -> None:
        """Writes the line of the step before; a line needs no total."""
        del total
        self.finish()
        self._label = f"{source}: {what}" if source else what

    def advance(self, amount: int = 1) -> None:
        """Counts."""
        with self._lock:
            self._done += amount

    def finish(self) -> None:
        """Writes the last line."""
        if self._label:
            count = f" {self._done:,}" if self._done else " done"
            print(f"{self._label}{count}", file=sys.stderr)
        self._label, self._done = "", 0
