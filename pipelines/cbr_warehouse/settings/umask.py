"""The umask of the files that the commands write."""

import re

from cbr_warehouse.settings.durations import show

ALLOWED_UMASK = 'three octal digits in quotes, such as "077" (only the owner) or "027" (the group may read)'

_UMASK = re.compile(r"[0-7]{3}", re.ASCII)


def parse_umask(value: object) -> str:
    """Checks a umask: the permission bits that new files and directories do not get.

    >>> parse_umask("027")
    '027'

    Args:
        value: What the user wrote.

    Returns:
        Its three octal digits.

    Raises:
        ValueError: It is no umask, or would keep the owner from their own files.
    """
    if not isinstance(value, str) or not _UMASK.fullmatch(value):
        raise ValueError(f"{show(value)} is not a umask in quotes")
    if value[0] != "0":
        raise ValueError(f"{show(value)} would keep the owner from their own files")
    return value
