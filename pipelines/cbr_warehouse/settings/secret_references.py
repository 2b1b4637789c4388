"""References to secrets: ``env:NAME`` and ``file:PATH``, the only two ways to configure a secret.

A reference is not secret itself and may appear in messages. ``resolve_credentials`` makes credentials of
what it points to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Longer than any real name: a longer one is a secret pasted after "env:".
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_MAX_PATH = 1024
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Reference:
    """Location of a secret.

    Attributes:
        kind: Environment variable or file.
        name: The variable's name, or the file's absolute path.
    """

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def parse_reference(value: object, base: Path) -> Reference:
    """Parses a reference. Error messages never repeat the text: it may be the secret itself.

    Args:
        value: The configured value; a Reference is returned unchanged.
        base: Base directory of a relative file.

    Returns:
        The reference.

    Raises:
        ValueError: The value is not a reference.
    """
    if isinstance(value, Reference):
        return value
    if not isinstance(value, str):
        raise ValueError("not a quoted string")  # noqa: TRY004  pydantic reports ValueError, not TypeError
    kind, colon, name = value.partition(":")
    if colon and kind == "env":
        if not _VARIABLE.fullmatch(name):
            raise ValueError("the text after env: is not a valid name of an environment variable")
        return Reference("env", name)
    if colon and kind == "file":
        if not 0 < len(name) <= _MAX_PATH or not name.isprintable():
            raise ValueError("the text after file: is not a valid path")
        return Reference("file", str(resolve_path(name, base)))
    raise ValueError(
        "a secret is written here in plain text; remove it (and replace the secret if others could read this "
        "file), store it in an environment variable or a file, and refer to that here"
    )


def parse_text_or_reference(value: object, base: Path) -> str | Reference:
    """Parses a value that may be plain text or a reference, such as a user name.

    Args:
        value: The configured value.
        base: Base directory of a relative file.

    Returns:
        The text, or the reference.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and not value.startswith(("env:", "file:")):
        if not value.strip() or not value.isprintable():
            raise ValueError("empty, or contains characters that cannot be printed")
        return value
    return parse_reference(value, base)


def read_reference(reference: Reference, environ: Mapping[str, str]) -> str:
    """Reads what a reference points to, without the line break at the end of a file.

    Args:
        reference: The reference.
        environ: The environment variables.

    Raises:
        ValueError: There is nothing, or it cannot be read. The message never repeats the text.
    """
    if reference.kind == "env":
        if reference.name not in environ:
            raise ValueError(f"the environment variable {reference.name} is not set")
        return environ[reference.name]
    try:
        with open(reference.name, "rb") as file:  # noqa: PTH123  Path cannot read a limited size
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "invalid path"
        raise ValueError(f"the file {reference.name} cannot be read ({reason})") from None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the file {reference.name} is not UTF-8 text") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"the file {reference.name} is too large for a secret")
    return text.removesuffix("\n").removesuffix("\r")


def resolve_path(path: str, base: Path) -> Path:
    """Makes a configured path absolute; ``~`` is the home directory.

    Args:
        path: The configured path.
        base: Base directory of a relative path.

    Returns:
        The absolute path.

    Raises:
        ValueError: It begins with ``~user`` of an unknown user.
    """
    try:
        return (base / Path(path).expanduser()).absolute()
    except RuntimeError:
        raise ValueError("the home directory for ~ is unknown") from None
