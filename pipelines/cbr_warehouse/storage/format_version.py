"""The format of the files below ``raw/``: a newer one is refused, an older one upgraded.

The number is in the name of an otherwise informative file, ``raw/format-2.txt``, so that no damaged byte
makes another number of it, and a copy of ``raw/`` alone has it too. ``tables/`` and the warehouse need no
number: what they were made by is noted in them, and they are made again from raw where that has changed.
"""

import re
from pathlib import Path

from cbr_warehouse.errors import FormatError, StorageError
from cbr_warehouse.storage.atomic_write import read_json, remove_file, write_bytes
from cbr_warehouse.storage.files import exists
from cbr_warehouse.storage.layout import DataDirectory

FORMAT = 2
"""What this version writes. Raised when an earlier version would misread what a later one wrote.

1: before there was a number. Manifests name every receipt, new records included; no ledger is folded, no raw
   file compacted, and no file says which record files a load landed. Read as it is.
2: manifests name repeated records only, ``raw/landed`` names the record files, and older files become few.
"""

_NAME = re.compile(r"format-([1-9][0-9]{0,8})\.txt")


def read_format(directory: DataDirectory) -> int | None:
    """The format of a data directory; None where there is no ``raw/`` yet.

    While an upgrade is under way there are two notes; the newer one counts.
    """
    if not directory.raw.is_dir():
        return None
    return max(_notes(directory).values(), default=1)


def require_known_format(directory: DataDirectory) -> None:
    """Refuses a data directory that a newer version wrote, or that is only half copied from a store.

    Raises:
        FormatError: Its format is newer than this version knows.
        StorageError: A copy into it was interrupted while its files were put in place.
    """
    if exists(directory.copy_note):
        raise StorageError(
            f"{directory.root}: a copy from a store is being put in place. Wait for it, or run "
            f"'cbr-warehouse copy --from {read_json(directory.copy_note)['from']}' again, which finishes it."
        )
    found = read_format(directory) or FORMAT
    if found > FORMAT:
        raise FormatError(
            f"{directory.root}: was written by a newer version of cbr-warehouse (format {found}; this "
            f"version knows formats up to {FORMAT}). Nothing was changed. Install that version or a later "
            "one, or choose another data directory with --data-dir."
        )


def upgrade_format(directory: DataDirectory) -> None:
    """Brings a data directory to the format that this version writes; for commands that write to it.

    Every file of format 1 is still read as it is, so its upgrade is the note alone. From then on versions
    that look for a note know whether they understand the directory.

    Raises:
        FormatError: Its format is newer than this version knows; nothing was changed.
        StorageError: The note could not be written.
    """
    require_known_format(directory)
    notes = _notes(directory)
    if set(notes.values()) == {FORMAT}:
        return
    text = f"The files beside this one have format {FORMAT} of the data directory of cbr-warehouse.\n"
    write_bytes(directory.raw / f"format-{FORMAT}.txt", text.encode())
    # After the new note: killed in between, the directory has two, of which the newer one counts.
    for path, found in notes.items():
        if found != FORMAT:
            remove_file(path)


def _notes(directory: DataDirectory) -> dict[Path, int]:
    found = ((path, _NAME.fullmatch(path.name)) for path in directory.raw.glob("format-*.txt"))
    return {path: int(match[1]) for path, match in found if match}
