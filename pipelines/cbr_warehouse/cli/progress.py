"""Shows how a load goes on, on stderr: bars on a terminal, plain lines elsewhere."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from cbr_warehouse.cli.terminal_text import visible
from cbr_warehouse.load.progress import Progress


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Gives the progress that fits stderr, and leaves it clean."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    can_show_braille = (sys.stderr.encoding or "").lower().startswith("utf")
    columns = (
        SpinnerColumn("dots" if can_show_braille else "line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield Bars(bars)


class Bars(Progress):
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


class Lines(Progress):
    """One line a step, written when the step succeeded: a step that fails leaves none."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, bool]] = {}
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def step(self, source: str, what: str, *, is_counted: bool = False) -> None:
        """Writes the line of the source's previous step."""
        with self._lock:
            self._write(source)
            self._steps[source] = (what, is_counted)

    def advance(self, source: str, amount: int = 1) -> None:
        """Counts."""
        with self._lock:
            self._counts[source] += amount

    def finish(self, source: str) -> None:
        """Writes the line of the source's last step."""
        with self._lock:
            self._write(source)

    def fail(self, source: str) -> None:
        """Forgets the failed step; its count says how far it came."""
        with self._lock:
            if not self._counts[source]:
                self._steps.pop(source, None)
            self._write(source, " before it failed")

    def notice(self, sentence: str) -> None:
        """Writes the sentence at once."""
        print(visible(sentence), file=sys.stderr)

    def _write(self, source: str, end: str = "") -> None:
        what, is_counted = self._steps.pop(source, ("", False))
        count = self._counts.pop(source, 0)
        if what:
            subject = f"{source}: " if source else ""
            number = f"{count:,} " if is_counted else ""
            print(visible(f"{subject}{number}{what}{end}"), file=sys.stderr)
