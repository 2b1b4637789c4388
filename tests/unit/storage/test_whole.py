"""Files written whole: what stands before a power failure stands after it, new folders included."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cbr_warehouse.storage.atomic_write import publish, write_json

pytestmark = pytest.mark.fault("disk errors")


def publish_there(path: Path) -> None:
    next_file = path.with_name(".next")
    with publish(next_file, path):
        next_file.write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("write", [lambda path: write_json(path, {}), publish_there])
def test_every_new_folder_is_known_to_the_one_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    """Only the last folder was synced: a power failure could take a new day with all its files."""
    path = tmp_path / "raw" / "records" / "day=2026-11-20" / "one.json"
    synced, opened = set(), {}
    open_file, fsync = os.open, os.fsync

    def note_open(target: Path, flags: int, *mode: int) -> int:
        handle = open_file(target, flags, *mode)
        opened[handle] = Path(target)
        return handle

    def note_sync(handle: int) -> None:
        synced.add(opened[handle])
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", note_open)
        patched.setattr(os, "fsync", note_sync)
        write(path)
    assert synced > {tmp_path, *list(path.parents)[:3]}
    assert path.is_file()
