"""The setting ``warehouse``: how to connect to the PostgreSQL database that has the catalog of a DuckLake.

Nothing here imports pydantic, so that a command that only reads what is published starts quickly.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.secret_references import Reference, parse_reference, read_reference

PREFIX = "ducklake:postgres:"
"""What the address of a DuckLake with its catalog in PostgreSQL begins with."""

ALLOWED_LAKE = (
    '"ducklake:postgres:host=HOST dbname=NAME user=USER password=env:NAME", with the parameters of a '
    "connection to PostgreSQL; the password as env:NAME or file:PATH, or left out where PGPASSWORD or a "
    "password file has it"
)
ALLOWED_LAKE_FILES = (
    "the path of a folder that every reader reaches under this path, in quotes, or s3://bucket/prefix"
)

_WORD = re.compile(r"([a-z_]{1,40})\s*=\s*('(?:[^'\\]|\\.)*'|[^\s'\\]+)(?:\s+|\Z)", re.ASCII)


@dataclass(frozen=True)
class LakeConnection:
    """The parameters of a connection to PostgreSQL, none of them secret.

    Attributes:
        parameters: Parameters but the password, as PostgreSQL's own programs take them.
        password: Reference to the password; None where PostgreSQL's library finds it by itself.
    """

    parameters: str
    password: Reference | None = None

    def __str__(self) -> str:
        return PREFIX + self.parameters


def parse_lake(value: object, base: Path) -> LakeConnection:
    """Parses the address of a DuckLake. Error messages never repeat the text: it may contain a password.

    Args:
        value: The configured value; a LakeConnection is returned unchanged.
        base: Base directory of a relative file with the password.

    Raises:
        ValueError: It is no such address, or the password is written in plain text.
    """
    if isinstance(value, LakeConnection):
        return value
    if not isinstance(value, str) or not value.startswith(PREFIX) or not value.isprintable():
        raise ValueError(f"does not begin with {PREFIX}")
    words = _split(value.removeprefix(PREFIX).strip())
    if "sslpassword" in words:
        raise ValueError("sslpassword cannot be given here: use a key without a password")
    password = words.pop("password", None)
    if not words:
        raise ValueError("lacks the parameters of the connection")
    parameters = " ".join(f"{name}={word}" for name, word in words.items())
    return LakeConnection(
        parameters, None if password is None else parse_reference(password.strip("'"), base)
    )


def _split(text: str) -> dict[str, str]:
    """The parameters by name, their values as they are written."""
    words: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None or found[1] in words:
            raise ValueError("the parameters are not written as name=value, separated by spaces, each once")
        words[found[1]] = found[2]
        at = found.end()
    return words


def resolve_password(connection: LakeConnection, environ: Mapping[str, str]) -> str | None:
    """The password, from where its reference points to; None where there is no reference.

    Raises:
        SettingsError: There is nothing, or it cannot be read.
    """
    if connection.password is None:
        return None
    try:
        found, problem = read_reference(connection.password, environ), f"{connection.password} is empty"
    except ValueError as error:
        found, problem = "", str(error)
    if not found:
        raise SettingsError(f"warehouse: {problem}; it has to contain the password for {connection}.")
    return found
