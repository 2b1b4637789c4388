"""Files at rest that the disk damages, and the backup that they are restored from.

Whoever runs the warehouse has a backup of raw, as docs/operations.md says, and restores what a load or
``verify`` complains of. Tables and warehouse are never restored: they are made again from raw.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random

from simulation.event_log import EventLog

KINDS = {
    "records": ("raw/records/**/*.parquet",),
    "manifests": ("raw/manifests/**/*.parquet",),
    "ledgers": ("raw/loads/**/*.json", "raw/audits/**/*.json", "raw/sweeps/**/*.json"),
    "state": (".ledgers/**/*.json",),
    "tables": ("tables/**/*.parquet",),
    "warehouse": ("warehouse.duckdb",),
}
"""Kinds of files at rest, as patterns below the data directory."""


MADE_AGAIN = frozenset({"state", "tables", "warehouse"})
"""Kinds of files that are made again from raw, and not restored."""


@dataclass(frozen=True)
class _Damage:
    kind: str
    path: Path
    sound: bytes
    damaged: bytes


class Rot:
    """Damages one file at a time.

    Args:
        root: The data directory.
        random: Which file, and where in it.
        log: Gets a line of each file damaged or restored.
    """

    def __init__(self, root: Path, random: Random, log: EventLog) -> None:
        self._root = root
        self._random = random
        self._log = log
        self._damage: _Damage | None = None
        self._restored: Path | None = None
        self._is_old = False

    @property
    def is_settled(self) -> bool:
        """Whether no file is damaged, and a deep load has read again what was restored."""
        return self._damage is None and self._restored is None

    @property
    def is_being_mended(self) -> bool:
        """Whether what is published may lack something until a load has mended it."""
        return self.kind == "warehouse" or self._restored is not None

    @property
    def kind(self) -> str | None:
        """The kind of the file that is damaged; None where none is."""
        return self._damage.kind if self._damage else None

    @property
    def is_gone(self) -> bool:
        """Whether the file was moved from its place: a load has set it aside."""
        return self._damage is not None and not self._damage.path.exists()

    def strike(self, kind: str) -> bool:
        """Damages a file of a kind, if there is one, and no other is damaged; gives whether it did."""
        patterns = KINDS[kind]
        paths = sorted(
            path for pattern in patterns for path in self._root.glob(pattern) if path.stat().st_size
        )
        if not self.is_settled or not paths:
            return False
        path = self._random.choice(paths)
        sound = path.read_bytes()
        damaged = _damaged(sound, self._random)
        self._damage = _Damage(kind, path, sound, damaged)
        self._write(damaged)
        self._log.note(f"damaged: {path.relative_to(self._root)}")
        return True

    def end_tick(self) -> None:
        """Notices that a file was made again from raw: what was damaged is no more."""
        found = self._damage
        self._is_old = self._restored is not None
        if found is not None and found.kind in MADE_AGAIN and not self._is_damaged(found):
            self._log.note(f"made again: {found.path.relative_to(self._root)}")
            self._damage = None

    def restore(self) -> None:
        """Restores the file from the backup, unless it is one that is made again."""
        found = self._damage
        if found is None or found.kind in MADE_AGAIN:
            return
        if not found.path.exists() or self._is_damaged(found):
            found.path.parent.mkdir(parents=True, exist_ok=True)
            self._write(found.sound)
            self._log.note(f"restored: {found.path.relative_to(self._root)}")
            self._restored, self._is_old = found.path, False
        self._damage = None

    def settle(self, source: str) -> None:
        """A deep load of a source found nothing amiss: of its files none is damaged any more.

        It does not read every single ledger again; ``verify``, which every night runs, names those.

        Raises:
            AssertionError: A file is.
        """
        own = f"source={source}"
        if self._restored is not None and self._is_old and own in self._restored.parts:
            self._restored = None
        found = self._damage
        if found is None or own not in found.path.parts:
            return
        if found.kind == "ledgers":
            self.restore()
        elif found.kind in {"records", "manifests"}:
            assert not self._is_damaged(found), f"{found.path}: is damaged, and a deep load does not say so"
        self._damage = None

    def _is_damaged(self, found: _Damage) -> bool:
        return found.path.exists() and found.path.read_bytes() == found.damaged

    def _write(self, content: bytes) -> None:
        """Writes in place, as the disk does: time and inode stay."""
        assert self._damage
        path = self._damage.path
        times = (path.stat().st_atime_ns, path.stat().st_mtime_ns) if path.exists() else None
        path.write_bytes(content)
        if times:
            os.utime(path, ns=times)


def _damaged(content: bytes, random: Random) -> bytes:
    """Some content with a bit flipped, a block of zeros, or its end lost."""
    place = random.randrange(len(content))
    way = random.choice(["bit", "bit", "zeros", "cut"])
    if way == "cut":
        return content[:place]
    if way == "zeros":
        zeros = content[:place] + bytes(min(512, len(content) - place)) + content[place + 512 :]
        if zeros != content:
            return zeros
    return content[:place] + bytes([content[place] ^ (1 << random.randrange(8))]) + content[place + 1 :]
