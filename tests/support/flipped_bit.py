"""Bit rot: a file whose content differs in one bit from what was written."""

from pathlib import Path


def flip_bit(path: Path) -> None:
    """Flips a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
