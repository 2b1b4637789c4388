"""Does something with many files at once, and stops at the first failure."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

THREADS = 8
"""Files that are sent or received at once."""

Report = Callable[[str, int, int], None]
"""Gets what is done with files, with how many by now, and of how many."""

_Item = TypeVar("_Item")


def _ignore(what: str, done: int, of: int) -> None:
    """Reports nothing."""


def do_at_once(
    what: str, do: Callable[[_Item], None], items: Sequence[_Item], report: Report = _ignore
) -> None:
    """Does something with each item, several at once. What it raises first is raised, the rest is not begun.

    Args:
        what: What is done, for the report.
        do: Does it with one item.
        items: The items.
        report: Gets the progress.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            running = [pool.submit(do, item) for item in items]
            for done, one in enumerate(as_completed(running), 1):
                one.result()
                report(what, done, len(items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
