"""References to secrets: "env:NAME" and "file:PATH", the only two ways a secret is written down.

A reference says where a secret is, never what it is, and may be shown. Following it is
``credentials``' business.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Long enough for every name in use; longer is a secret that was pasted behind "env:".
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_MOST_PATH = 1024


@dataclass(frozen=True)
class Reference:
    """Where a secret is.

    Attributes:
        kind: An environment variable or a file.
        name: The variable's name, or the file's path.
    """

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def parse_reference(value: object, base: Path) -> Reference:
    """Reads a reference. The messages never repeat the text: it may be the secret itself.

    Args:
        value: What the user wrote; a reference passes as it is.
        base: What a relative file is relative to.

    Returns:
        The reference.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, Reference):
        return value
    if not isinstance(value, str):
        raise ValueError("not a text in quotes")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    kind, colon, name = value.partition(":")
    if colon and kind == "env":
        if not _VARIABLE.fullmatch(name):
            raise ValueError("what stands after env: is not the name of an environment variable")
        return Reference("env", name)
    if colon and kind == "file":
        if not 0 < len(name) <= _MOST_PATH or not name.isprintable():
            raise ValueError("what stands after file: is not a path")
        return Reference("file", str(resolve_path(name, base)))
    raise ValueError(
        "a secret stands here in clear; take it out (and change it, if others could read this file), "
        "put it into an environment variable or a file, and name that here"
    )


def parse_text_or_reference(value: object, base: Path) -> str | Reference:
    """Reads what may stand in clear or be a reference, such as a user name.

    Args:
        value: What the user wrote.
        base: What a relative file is relative to.

    Returns:
        The text, or the reference.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and not value.startswith(("env:", "file:")):
        if not value.strip() or not value.isprintable():
            raise ValueError("empty, or with characters that cannot be printed")
        return value
    return parse_reference(value, base)


def resolve_path(path: str, base: Path) -> Path:
    """Makes a path of the configuration absolute; ``~`` is the home directory.

    Args:
        path: The path as written.
        base: What it is relative to.

    Returns:
        The absolute path.

    Raises:
        ValueError: It begins with the ``~`` of a user that this machine does not know.
    """
    try:
        return (base / Path(path).expanduser()).absolute()
    except RuntimeError:
        raise ValueError("the home directory that ~ stands for is not known here") from None
