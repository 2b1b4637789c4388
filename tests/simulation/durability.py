"""What of a folder is certainly on the disk: what a loss of power leaves of it.

A file's content is on the disk once the file was synced, its name once its folder was. Of everything later, a
loss of power keeps this and takes that: the seed chooses, folder by folder and file by file.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random


class Durability:
    """What is certainly on the disk.

    Args:
        root: The folder.
        kept: Folder beside it, of its own, for links to synced files.
    """

    def __init__(self, root: Path, kept: Path) -> None:
        self._root = root
        self._kept = kept
        self._links: dict[int, Path] = {}
        self._names: dict[str, dict[str, int | None]] = {}
        self._count = 0

    def sync_all(self) -> None:
        """Takes everything there is for durable: as after a while in which nothing was written."""
        shutil.rmtree(self._kept, ignore_errors=True)
        self._kept.mkdir(parents=True)
        self._links.clear()
        self._names.clear()
        for folder, _, files in os.walk(self._root):
            for name in files:
                self.sync_file(Path(folder, name))
            self.sync_folder(Path(folder))

    def sync_file(self, path: Path) -> None:
        """A file's content is on the disk. It must not be written to afterwards."""
        inode = path.stat().st_ino
        if inode not in self._links:
            self._count += 1
            link = self._kept / str(self._count)
            os.link(path, link)
            self._links[inode] = link

    def sync_folder(self, folder: Path) -> None:
        """The names in a folder are on the disk."""
        self._names[self._relative(folder)] = dict(_entries(folder))

    def lose(self, target: Path, random: Random) -> int:
        """Writes to another folder what a loss of power leaves.

        Returns:
            How many files are not as they were.
        """
        return self._lose(self._root, target, random)

    def _lose(self, folder: Path, target: Path, random: Random) -> int:
        durable = self._names.get(self._relative(folder), {})
        current = dict(_entries(folder)) if folder.is_dir() else {}
        chosen = current if current and random.random() < 0.5 else durable
        target.mkdir(exist_ok=True)
        changed = sum(name not in chosen for name in current)
        for name in sorted(chosen):
            inode, place = chosen[name], target / name
            if inode is None:
                changed += self._lose(folder / name, place, random)
            elif inode in self._links:
                shutil.copy2(self._links[inode], place)
                changed += current.get(name) != inode
            elif current.get(name) == inode:
                content = (folder / name).read_bytes()
                left = random.choice([0, random.randint(0, len(content)), len(content)])
                place.write_bytes(content[:left])
                changed += left < len(content)
            else:
                place.touch()
                changed += 1
        return changed

    def _relative(self, folder: Path) -> str:
        return os.path.relpath(folder, self._root)


def _entries(folder: Path) -> Iterator[tuple[str, int | None]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name, None if entry.is_dir(follow_symlinks=False) else entry.inode()
