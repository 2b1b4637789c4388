"""Shares that fail on their worker."""

from pathlib import Path

from cbr_warehouse.errors import DamagedFileError


def find_damaged(name: str) -> None:
    """Raises an error of ours, of a class that needs more than its message."""
    raise DamagedFileError(Path(name), "for a test")


def divide(number: int) -> float:
    """Raises what is nobody's error but the code's."""
    return 1 / number
