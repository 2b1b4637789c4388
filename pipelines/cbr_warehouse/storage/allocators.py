"""Which allocators a process uses: those that give freed memory back."""

import ctypes
import os
from contextlib import suppress

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's ``mallopt``."""


def choose_allocators() -> None:
    """Lets all threads that start from now on allocate from one arena, pyarrow's code included.

    To be called before pyarrow is imported or any other library starts a thread. Otherwise each thread has an
    arena of its own, in glibc as in pyarrow's allocator. A sweep's threads take turns with pages of a
    megabyte: each arena grows to what the largest page took, and gives little of it back. A process that had
    received 50,000 records kept 110 MB for nothing. Python's lock lets only one thread allocate at a time
    anyway. What the user has set stays: ``ARROW_DEFAULT_MEMORY_POOL``, and glibc's number of arenas.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if "MALLOC_ARENA_MAX" in os.environ or "glibc.malloc.arena" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with suppress(AttributeError, OSError):  # other C libraries have no such function
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
