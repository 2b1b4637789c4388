"""The files of a ledger: recent entries singly, older ones folded into one file a month.

An entry is a JSON object with a name, by which entries are ordered. A folded file has the entries of
one month, unchanged, one a line, gzipped; its name ends in the checksum of its content, as that of
every raw file does. Folding writes the new file, reads it back, and only then removes what it
replaces: killed anywhere in between, some entries are in two files, and read once.

What the entries say is ``ledgers``' matter.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.raw.ledger_order import stamp_of
from cbr_warehouse.storage.atomic_write import read_file, remove_file, write_bytes
from cbr_warehouse.storage.checked_json import parse_checked_json
from cbr_warehouse.storage.files import names_in, read_existing

_FOLDED = "folded-"
_UNDATED = "undated"
"""In place of the month, of entries whose names do not begin with a time."""
_ATTEMPTS = 5
"""How often a reader lists the files again that a fold beside it replaced meanwhile."""


@dataclass(frozen=True)
class Entry:
    """One entry of a ledger.

    Attributes:
        name: Its file's name when it was written.
        content: Its JSON.
        path: The file that has it now.
        is_folded: Whether that is a folded file, whose checksum was verified when it was read.
    """

    name: str
    content: bytes
    path: Path
    is_folded: bool = False

    @property
    def stem(self) -> str:
        """Its name without the suffix."""
        return self.name.removesuffix(".json")


class _Line(msgspec.Struct):
    name: str
    entry: msgspec.Raw


class _ReplacedMeanwhileError(Exception):
    """A file was removed between the listing of its folder and its reading."""


def single_files(folder: Path) -> list[Path]:
    """The entries that are not folded, in order."""
    return [folder / name for name in names_in(folder, suffix=".json")]


def folded_files(folder: Path) -> list[Path]:
    """The folded files, oldest month first."""
    return [folder / name for name in names_in(folder, prefix=_FOLDED, suffix=".jsonl.gz")]


def read_entries(folder: Path) -> list[Entry]:
    """All entries in order, each once.

    Raises:
        DamagedFileError: A folded file is not what was written.
        StorageError: A file cannot be read.
    """
    return _read_again(folder, None)


def iterate_entries(folder: Path) -> Iterator[Entry]:
    """The same, each month read when it is asked for: the first entries cost no more after years.

    Raises:
        DamagedFileError: A folded file is not what was written.
        StorageError: A file cannot be read.
    """
    # As below, single files first.
    singles = _by_month(single_files(folder), lambda path: _month_of(path.name))
    folded = _by_month(folded_files(folder), _folded_month)
    months = sorted(singles.keys() | folded.keys())
    if _UNDATED in months:  # whose entries may be in order before any other
        yield from read_entries(folder)
        return
    for month in months:
        try:
            yield from _read(singles.get(month, []), folded.get(month, []))
        except _ReplacedMeanwhileError:  # raised before the first entry of the month
            yield from _read_again(folder, month)


def _by_month(paths: list[Path], month_of: Callable[[Path], str]) -> dict[str, list[Path]]:
    return {month: list(own) for month, own in groupby(paths, month_of)}


def _read_again(folder: Path, month: str | None) -> list[Entry]:
    for _ in range(_ATTEMPTS):
        try:
            # Single files first: one that is folded after that is in a folded file that is listed then.
            singles = _singles_of(folder, month)
            return list(_read(singles, _folded_of(folder, month)))
        except _ReplacedMeanwhileError as error:
            vanished = error.args[0]
    raise DamagedFileError(vanished, "it disappeared while it was read")


def _read(singles: list[Path], folded: list[Path]) -> Iterable[Entry]:
    if len(folded) == 1 and not singles:
        return read_folded(folded[0])  # in order, each parsed when it is asked for
    found: dict[str, Entry] = {}
    for path in folded:
        found |= {entry.name: entry for entry in read_folded(path)}
    for path in singles:
        content = read_file(path)
        if content is not None:
            found[path.name] = Entry(path.name, content, path)
        elif path.name not in found:
            raise _ReplacedMeanwhileError(path)
    return [found[name] for name in sorted(found)]


def _singles_of(folder: Path, month: str | None) -> list[Path]:
    return [path for path in single_files(folder) if month is None or _month_of(path.name) == month]


def _folded_of(folder: Path, month: str | None) -> list[Path]:
    return [path for path in folded_files(folder) if month is None or _folded_month(path) == month]


def read_singles(folder: Path, names: Collection[str]) -> list[Entry] | None:
    """Single files by name, in order; None where one was folded meanwhile."""
    entries = [(path := folder / name, read_file(path)) for name in sorted(names)]
    if any(content is None for _, content in entries):
        return None
    return [Entry(path.name, content, path) for path, content in entries if content is not None]


def read_folded(path: Path) -> Iterator[Entry]:
    """The entries of a folded file, in order.

    Raises:
        DamagedFileError: It is not what was written.
    """
    packed = read_file(path)
    if packed is None:
        raise _ReplacedMeanwhileError(path)
    return _unpack(path, packed)


def verify_folded(folder: Path) -> None:
    """Compares the folded files with their checksums.

    Raises:
        DamagedFileError: One is not what was written.
    """
    for path in folded_files(folder):
        packed = read_file(path)
        if packed is not None:
            _verify(path, packed)


def _verify(path: Path, packed: bytes) -> None:
    if path.name != _name_of(_folded_month(path), packed):
        raise DamagedFileError(path, "its content is not what its checksum says")


def _unpack(path: Path, packed: bytes) -> Iterator[Entry]:
    _verify(path, packed)
    for line in gzip.decompress(packed).splitlines():
        parsed = msgspec.json.decode(line, type=_Line)
        yield Entry(parsed.name, bytes(parsed.entry), path, is_folded=True)


def fold(folder: Path, names: Collection[str]) -> None:
    """Moves single entries into folded files, one a month.

    Only for the holder of the source's lock. What an interrupted fold left behind goes, too.

    Args:
        folder: The ledger.
        names: Names of the single files.

    Raises:
        DamagedFileError: An entry is not what was written; nothing of its month is changed.
        StorageError: A file could not be read or written.
    """
    for month, own in groupby(sorted(names), _month_of):
        _fold_month(folder, month, list(own))


def _fold_month(folder: Path, month: str, names: list[str]) -> None:
    old = _folded_of(folder, month)
    entries: dict[str, bytes] = {}
    for path in old:
        entries |= {entry.name: entry.content for entry in read_folded(path)}
    for name in names:
        content = read_file(folder / name)
        if content is not None:
            # Verified, so that damage is not carried into a file whose checksum says that all is well.
            parse_checked_json(folder / name, content, None)
            entries[name] = _compact(content)
    target = _write_folded(folder, month, entries)
    for path in old:
        if path != target:
            remove_file(path)
    for name in names:
        remove_file(folder / name)


def _write_folded(folder: Path, month: str, entries: Mapping[str, bytes]) -> Path:
    lines = [
        b'{"name":%s,"entry":%s}\n' % (json.dumps(name).encode(), entries[name]) for name in sorted(entries)
    ]
    packed = gzip.compress(b"".join(lines), compresslevel=6, mtime=0)
    path = folder / _name_of(month, packed)
    write_bytes(path, packed)
    if {entry.name: entry.content for entry in _unpack(path, read_existing(path))} != dict(entries):
        raise DamagedFileError(path, "it is not what was written to it a moment ago; nothing was removed")
    return path


def _compact(content: bytes) -> bytes:
    """The same JSON on one line."""
    return msgspec.json.format(content, indent=-1)


def _name_of(month: str, packed: bytes) -> str:
    return f"folded-{month}-{hashlib.blake2b(packed, digest_size=8).hexdigest()}.jsonl.gz"


def _folded_month(path: Path) -> str:
    return path.name.split("-")[1]


def _month_of(name: str) -> str:
    return name[:6] if stamp_of(name.removesuffix(".json")) else _UNDATED
