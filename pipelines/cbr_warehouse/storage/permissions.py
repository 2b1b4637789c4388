"""Who may read what is written: the umask, for Python's files and for those that DuckDB opens itself."""

import os
from pathlib import Path


def restrict_new_files(umask: int) -> None:
    """Sets which permission bits files and directories do not get that this process makes from now on.

    It holds for the whole process, so it is called where a process starts: DuckDB opens the files
    it writes and spills to by itself, and takes no mode.

    Args:
        umask: The bits, such as ``0o077``.
    """
    os.umask(umask)


def current_umask() -> int:
    """The bits that files of this process do not get, for processes that write files in its place."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "Umask":
                return int(value, 8)
    # Elsewhere it can only be read by setting it, which other threads would notice.
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
