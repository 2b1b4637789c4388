"""Keeps DuckDB and pyarrow from importing pandas, which takes longer than most commands.

DuckDB looks among the parameters of a statement for pandas' missing values, pyarrow asks of each sequence
whether it is pandas' own, and both import pandas to do so. Where it is not imported yet, no value can be.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from threading import Lock
from types import ModuleType


class _Hidden(MetaPathFinder):
    """Lets an import of pandas fail while any block hides it; blocks of several threads may overlap."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._blocks = 0

    def enter(self) -> None:
        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                sys.meta_path.insert(0, self)

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raises for pandas; every other module is found by the other finders."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=fullname)


_HIDDEN = _Hidden()


@contextmanager
def without_pandas() -> Iterator[None]:
    """Hides pandas while the block or function runs, unless it is imported already; then nothing changes.

    Afterwards it can be imported as ever, and DuckDB and pyarrow make frames again.
    """
    _HIDDEN.enter()
    try:
        yield
    finally:
        _HIDDEN.leave()
