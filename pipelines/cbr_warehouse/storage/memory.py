"""What the process keeps of the memory that it has freed: as little as the C library can be told to."""

import ctypes
from contextlib import suppress

import pyarrow as pa

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's ``mallopt``."""


def share_one_arena() -> None:
    """Lets all threads that start from now on allocate from one arena, where the C library is glibc.

    By default each thread gets its own, and a sweep's threads take turns with pages of a megabyte: each arena
    grows to what the largest page took, and can give little of it back. Python's lock lets only one of them
    allocate at a time anyway.
    """
    with suppress(AttributeError, OSError):  # other C libraries have no such function
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def release_memory() -> None:
    """Returns freed memory to the system, where the C library can (glibc).

    For the moments before an engine takes its own: it allocates elsewhere, and both would count at its peak.
    """
    pa.system_memory_pool().release_unused()
