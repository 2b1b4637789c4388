"""Memory that the process has freed, given back to the system."""

import pyarrow as pa


def release_memory() -> None:
    """Returns freed memory to the system, where the C library can (glibc).

    For the moments before an engine takes its own: it allocates elsewhere, and both would count at its peak;
    and now and then in a sweep, whose pages leave gaps.
    """
    pa.system_memory_pool().release_unused()
