"""Shows how a load goes on as bars; imported for a terminal alone, since rich is slow to import."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.load.progress import Progress


@contextmanager
def show_bars() -> Iterator[Progress]:
    """Gives a progress that shows bars on stderr, and leaves it clean."""
    can_show_braille = (sys.stderr.encoding or "").lower().startswith("utf")
    columns = (
        SpinnerColumn("dots" if can_show_braille else "line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars)


class _Bars(Progress):
    """One bar a step; the last one of each source is moving."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def step(self, source: str, what: str, *, is_counted: bool = False) -> None:
        """Completes the source's bar and adds the next one."""
        del is_counted
        self.finish(source)
        self._tasks[source] = self._bars.add_task(visible(f"{source} {what}".strip()), total=None)

    def advance(self, source: str, amount: int = 1) -> None:
        """Moves the source's bar."""
        if source in self._tasks:
            self._bars.advance(self._tasks[source], amount)

    def finish(self, source: str) -> None:
        """Completes the source's bar where it is."""
        task = self._tasks.pop(source, None)
        if task is not None:
            done = max(self._bars.tasks[self._bars.task_ids.index(task)].completed, 1)
            self._bars.update(task, total=done, completed=done)

    def fail(self, source: str) -> None:
        """Stops the source's bar."""
        task = self._tasks.pop(source, None)
        if task is not None:
            self._bars.stop_task(task)
            self._bars.update(task, description=visible(f"{source} failed".strip()))

    def notice(self, sentence: str) -> None:
        """Prints above the bars."""
        self._bars.console.print(visible(sentence), markup=False, highlight=False)
