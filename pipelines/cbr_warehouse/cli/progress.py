"""Shows how a load goes on, on stderr: plain lines here, on a terminal the bars of ``progress_bars``."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.terminal_text import logs_json, visible
from cbr_warehouse.json_log import json_line
from cbr_warehouse.load.progress import Progress


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Gives the progress that fits stderr, and leaves it clean."""
    if logs_json():
        yield JsonLines()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    from cbr_warehouse.cli.progress_bars import show_bars

    with show_bars() as bars:
        yield bars


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
            noun, _, done = what.partition(" ")
            self.print_step(source, f"{amount(count, noun)} {done}{end}" if is_counted else f"{what}{end}")

    def print_step(self, source: str, text: str) -> None:
        """Prints a step that ended."""
        subject = f"{source}: " if source else ""
        print(visible(f"{subject}{text}"), file=sys.stderr)


class JsonLines(Lines):
    """The same lines as JSON."""

    def notice(self, sentence: str) -> None:
        """Writes the sentence at once."""
        print(json_line("INFO", sentence, logger="cbr_warehouse.progress"), file=sys.stderr)

    def print_step(self, source: str, text: str) -> None:
        """Prints a step that ended."""
        about = {"source": source} if source else {}
        print(json_line("INFO", text, logger="cbr_warehouse.progress", more=about), file=sys.stderr)
