"""Whose turn it is to send requests to a project, among hosts whose data directory is in one store.

Its rate limit is kept by whoever sends requests, which works as long as that is one process at a time. So
its turn is a lease, as a source is one. Sources that a process loads side by side share a limiter and have
their turn together.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from cbr_warehouse.remote.hold import Holding
from cbr_warehouse.remote.lease import hold_lease
from cbr_warehouse.remote.place import open_copy
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import hold_lock


@dataclass
class _Turn:
    """A turn of this process."""

    lock: Lock = field(default_factory=Lock)
    held: ExitStack = field(default_factory=ExitStack)
    count: int = 0


_turns: dict[tuple[Path, str], _Turn] = {}
"""By folder and project."""

_lock = Lock()


@contextmanager
def hold_project(directory: DataDirectory, project: tuple[str, ...], holding: Holding) -> Iterator[None]:
    """Waits until no other process sends requests to a project, and keeps it so while the block runs.

    Args:
        directory: The working copy.
        project: What identifies the project.
        holding: How; it always waits. Threads that come later join the first one.

    Raises:
        StorageError: The store or the disk refused something.
    """
    name = f"project-{hashlib.blake2b(chr(10).join(project).encode(), digest_size=16).hexdigest()}"
    with _lock:
        turn = _turns.setdefault((directory.root, name), _Turn())
    with turn.lock:
        if turn.count == 0:
            with ExitStack() as taken:
                _take(directory, name, holding, taken)
                turn.held = taken.pop_all()
        turn.count += 1
    try:
        yield
    finally:
        with turn.lock:
            turn.count -= 1
            if turn.count == 0:
                turn.held.close()


def _take(directory: DataDirectory, name: str, holding: Holding, taken: ExitStack) -> None:
    copy = open_copy(directory)
    taken.enter_context(
        hold_lock(
            copy.lock(name),
            what=holding.what,
            now=datetime.now(UTC),
            wait=True,
            report=holding.report,
            quiet_seconds=holding.quiet_seconds,
        )
    )
    taken.enter_context(hold_lease(copy.store, name, holding.terms(copy.id)))
