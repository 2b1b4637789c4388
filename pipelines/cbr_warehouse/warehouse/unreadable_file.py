"""Error messages for a published file that DuckDB cannot read, one per cause, each with the remedy."""

import re
from pathlib import Path
from typing import Literal, overload

import duckdb

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.warehouse.place import LakeAddress, WarehousePlace

AGAIN = "The next 'cbr-warehouse load' rebuilds it; to rebuild it now, run 'cbr-warehouse rebuild'."

_DAMAGED = f"is damaged: its content does not match its checksums. {AGAIN} Check the disk."


@overload
def explain_unreadable(
    place: WarehousePlace, error: duckdb.Error, *, always: Literal[True]
) -> WarehouseError: ...
@overload
def explain_unreadable(place: WarehousePlace, error: duckdb.Error) -> WarehouseError | None: ...
def explain_unreadable(
    place: WarehousePlace, error: duckdb.Error, *, always: bool = False
) -> WarehouseError | None:
    """Explains an error of DuckDB that is due to the file, or to a DuckLake.

    Args:
        place: The published file, or the DuckLake.
        error: What DuckDB raised.
        always: Whether the file must be the cause, as while it is being opened.

    Returns:
        The error to raise; None if the file is not the cause.
    """
    if isinstance(place, LakeAddress):
        return _explain_unreachable(place, error)
    said = str(error).splitlines()[0]
    if wrong := _what_is_wrong(place, said):
        return WarehouseError(f"{place} {wrong}")
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        return WarehouseError(f"{place} {_DAMAGED}")
    return WarehouseError(f"{place} cannot be opened ({said}). {AGAIN}") if always else None


def _explain_unreachable(address: LakeAddress, error: duckdb.Error) -> WarehouseError | None:
    """Explains an error of PostgreSQL or of a file of a DuckLake; None for one of the query."""
    if not isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
        return None
    from cbr_warehouse.warehouse.lake.connect import explain_lake  # noqa: PLC0415  most have a file

    return explain_lake(address, error)


def _what_is_wrong(path: Path, said: str) -> str | None:
    reasons = {
        "Could not set lock": (
            f"is open for writing in another program{_holder(said)}. "
            "Close it there, and let it open the warehouse read-only (duckdb -readonly)."
        ),
        "Permission denied": "cannot be read (Permission denied). Check its permissions and its folder's.",
        "not a valid DuckDB": f"{'is empty' if _is_empty(path) else 'is not a DuckDB file'}. {AGAIN}",
        "with version number": _of_another_version(said),
        "Could not read enough bytes": f"is damaged: it is cut short. {AGAIN} Check the disk.",
        "Corrupt database file": _DAMAGED,
        "Failed to deserialize": _DAMAGED,
    }
    return next((wrong for text, wrong in reasons.items() if text in said), None)


def _holder(said: str) -> str:
    found = re.search(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)", said)
    return f" ({Path(found['program']).name}, process {found['pid']})" if found else ""


def _of_another_version(said: str) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", said)]
    if len(numbers) > 1 and numbers[0] < numbers[1]:  # "version number 1 … between 64 and 68"
        return f"was written by a DuckDB too old for this one ({duckdb.__version__}). {AGAIN}"
    return (
        f"was written by a newer DuckDB than this one ({duckdb.__version__}). Update it with "
        "'pip install --upgrade duckdb', or rebuild the warehouse with 'cbr-warehouse rebuild'."
    )


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
