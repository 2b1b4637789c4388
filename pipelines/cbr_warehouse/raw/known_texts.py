"""The texts of a day that raw holds, in little memory: 16 bytes for each of maybe millions."""

from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cbr_warehouse.raw.files import is_intact, read_columns

_MOST_RECENT = 4_096
"""Texts in a set before they are sorted into an array, where they take a sixth of the memory."""

_MERGED_BELOW = 8
"""An array is merged with the next, smaller one unless it is so many times as long."""

_Digests = npt.NDArray[np.bytes_]


class Standing(Enum):
    """What raw holds of a text."""

    NEW = "not stored"
    REPEATED = "stored before this load, and received again for the first time"
    SIGHTED = "its receipt by this load is noted already"


class KnownTexts:
    """The valid and the refused texts of a day, by their digests of 16 bytes. For one thread at a time.

    Args:
        valid: Digests of the valid texts stored before this load.
        refused: Digests of the others.
    """

    def __init__(self, valid: Iterable[bytes] | _Digests = (), refused: Iterable[bytes] = ()) -> None:
        self._stored = np.unique(_array(valid))
        self._is_sighted = np.zeros(len(self._stored), dtype=bool)
        self._recent: set[bytes] = set()
        # Sorted, each much longer than the next: what this load added before the recent ones.
        self._added: list[_Digests] = []
        self._refused = dict.fromkeys(refused, False)

    def sight(self, digests: Sequence[bytes]) -> list[Standing]:
        """Says of each text whether it is stored as valid; those that are count as sighted from then on."""
        if len(self._recent) >= _MOST_RECENT:
            self._sort_in()
        found = [Standing.SIGHTED if digest in self._recent else Standing.NEW for digest in digests]
        wanted = _array(digests)
        for added in self._added:
            for index in np.flatnonzero(added[_places(added, wanted)] == wanted).tolist():
                found[index] = Standing.SIGHTED
        if not len(self._stored):
            return found
        places = _places(self._stored, wanted)
        for index in np.flatnonzero(self._stored[places] == wanted).tolist():
            place = places[index]
            found[index] = Standing.SIGHTED if self._is_sighted[place] else Standing.REPEATED
            self._is_sighted[place] = True
        return found

    def add(self, digest: bytes) -> Standing:
        """Adds a valid text that was new to :meth:`sight` just before; new, unless it was added since."""
        if digest in self._recent:
            return Standing.SIGHTED
        self._recent.add(digest)
        return Standing.NEW

    def add_refused(self, digest: bytes) -> Standing:
        """Adds a refused text, and says whether it was stored as such; it counts as sighted from then on."""
        is_sighted = self._refused.get(digest)
        self._refused[digest] = True
        if is_sighted is None:
            return Standing.NEW
        return Standing.SIGHTED if is_sighted else Standing.REPEATED

    def is_refused(self, digest: bytes) -> bool:
        """Whether a text is stored as refused."""
        return digest in self._refused

    def _sort_in(self) -> None:
        added = np.sort(_array(self._recent))
        while self._added and len(self._added[-1]) < _MERGED_BELOW * len(added):
            # Sorting what is sorted in two parts is merging them.
            added = np.sort(np.concatenate([self._added.pop(), added]), kind="stable")
        self._added.append(added)
        self._recent.clear()


def _array(digests: Iterable[bytes] | _Digests) -> _Digests:
    return digests if isinstance(digests, np.ndarray) else np.array(list(digests), dtype="S16")


def _places(held: _Digests, wanted: _Digests) -> npt.NDArray[np.intp]:
    """Where each of some digests stands, if it is there; ``held`` is sorted and not empty."""
    return np.minimum(np.searchsorted(held, wanted), len(held) - 1)


def read_known_texts(paths: Iterable[Path]) -> KnownTexts:
    """The texts in some record files.

    Raises:
        StorageError: A file cannot be read.
    """
    valid = [_array(())]
    refused: list[bytes] = []
    for path in paths:
        texts, is_valid = _judged(path)
        # All at once: a day may have a hundred thousand, and each load reads those of its days.
        printed = "".join(map(str, texts.filter(is_valid).to_pylist()))
        valid.append(np.frombuffer(bytes.fromhex(printed), dtype="S16"))
        refused += [bytes.fromhex(str(text)) for text in texts.filter(pc.invert(is_valid)).to_pylist()]
    return KnownTexts(np.concatenate(valid), refused)


def _judged(path: Path) -> "tuple[pa.ChunkedArray[Any], pa.ChunkedArray[Any]]":
    """The digest of each text in a file, in hex, and whether it was found valid."""
    try:
        texts, reasons = read_columns(path, ["content_hash", "reason"]).columns
    except (pa.ArrowException, OSError):
        if is_intact(path):
            raise
        # Damaged, and left in place because the source no longer serves its day: ``damage`` reports it.
        return pa.chunked_array([], pa.string()), pa.chunked_array([], pa.bool_())
    return texts, reasons.is_null()
