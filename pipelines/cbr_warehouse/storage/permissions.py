"""Who may read what is written: the umask, for Python's files and for those that DuckDB opens itself."""

import os


def restrict_new_files(umask: int) -> None:
    """Sets which permission bits files and directories do not get that this process makes from now on.

    It holds for the whole process, so it is called where a process starts: DuckDB opens the files
    it writes and spills to by itself, and takes no mode.

    Args:
        umask: The bits, such as ``0o077``.
    """
    os.umask(umask)
