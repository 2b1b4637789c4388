"""The lock of a data directory on a disk that is full, or on a file system that has no locks."""

import errno
import fcntl
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.lock import hold_lock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def refusing(code: int) -> Callable[..., None]:
    def refuse(*_words: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize(
    ("room", "name", "code"), [(os, "pwrite", errno.ENOSPC), (fcntl, "flock", errno.ENOLCK)]
)
def test_what_the_system_refuses_is_told_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: ModuleType, name: str, code: int
) -> None:
    """It was an unexpected error, with a request to report it."""
    path = tmp_path / ".load.lock"
    with monkeypatch.context() as patched:
        patched.setattr(room, name, refusing(code))
        with (
            pytest.raises(StorageError, match=os.strerror(code)),
            hold_lock(path, what="a test", now=NOW, wait=False),
        ):
            pytest.fail("it is not held")
    with hold_lock(path, what="a test", now=NOW, wait=False):
        assert "a test" in path.read_text()
