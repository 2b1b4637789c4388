"""Hosts that share a data directory in a store: each has a cache of its own, and nothing else in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from cbr_warehouse.remote.hold import Holding, hold_scope, refresh
from cbr_warehouse.remote.scopes import files_of, scope_of_source
from cbr_warehouse.storage.atomic_write import write_bytes
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
SCOPE = scope_of_source("a")
RAW = "raw/loads/source=a/"


class Host:
    """A host with a cache.

    Args:
        folder: Where its cache is.
        url: The data directory in the store.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.directory = DataDirectory(folder / "cache" / "work", url)
        self.now = NOW
        self.said: list[str] = []

    def holding(self, *, wait: bool = False, keep: bool = True) -> Holding:
        name = self.directory.root.parents[1].name
        return Holding(f"load on {name}", lambda: self.now, wait, self.said.append, keep=keep)

    @contextmanager
    def changing(self, scope: str = SCOPE, *, keep: bool = True) -> Iterator[None]:
        """Holds a scope, as a load does."""
        with hold_scope(self.directory, scope, self.holding(keep=keep)):
            yield

    def write(self, **files: str | None) -> None:
        """Writes files of the source, or removes those of None, without committing them."""
        for name, text in files.items():
            path = self.directory.root / f"{RAW}{name}.json"
            if text is None:
                path.unlink()
            else:
                write_bytes(path, text.encode())

    def load(self, **files: str | None) -> None:
        """Changes files of the source, and commits."""
        with self.changing():
            self.write(**files)

    def files(self, scope: str = SCOPE) -> dict[str, str]:
        """The files of a scope that are on this host."""
        return {
            path.stem: (self.directory.root / path).read_text()
            for path in sorted(files_of(self.directory, scope), key=PurePosixPath)
        }

    def read(self, scope: str = SCOPE) -> dict[str, str]:
        """The files of a scope, as a reader has them."""
        refresh(self.directory, [scope], self.said.append)
        return self.files(scope)

    def later(self, seconds: float) -> None:
        """Lets time pass on this host."""
        self.now += timedelta(seconds=seconds)
