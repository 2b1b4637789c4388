"""Files that DuckDB writes beside their places, many at a time, before ``put_in_place`` moves them there.

DuckDB makes the folders of partitions itself where it writes several; nothing of a staged file is on the
disk for certain until it is put in place, with its folder.
"""

import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def stage_folder(folder: Path) -> None:
    """Makes the folder of a file that is going to be staged; the folder above it exists.

    Raises:
        OSError: It could not be made.
    """
    folder.mkdir(exist_ok=True)


def share_mode(folder: Path, made: Iterable[Path]) -> None:
    """Gives folders that were made within another one the permissions of that one.

    Raises:
        OSError: They could not be changed.
    """
    for one in made:
        one.chmod(stat.S_IMODE(folder.stat().st_mode))


def discard_staged(staged: Path, place: Path) -> None:
    """Removes a staged file that was not put in its place, and its folder where it has nothing else.

    Args:
        staged: The file as it was written; it need not exist.
        place: Where it would have been put.
    """
    # What failed before is the error to report, not that its remains cannot be removed.
    with suppress(OSError):
        staged.unlink(missing_ok=True)
        if not place.exists():
            place.parent.rmdir()
