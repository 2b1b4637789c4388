"""Where readers find the published warehouse: its file, or a DuckLake that every load publishes to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cbr_warehouse.errors import UsageError
from cbr_warehouse.settings.lake import ALLOWED_LAKE, PREFIX, LakeConnection, parse_lake, resolve_password


@dataclass(frozen=True)
class LakeAddress:
    """A DuckLake with its catalog in PostgreSQL, ready to connect to.

    Attributes:
        parameters: Parameters of the connection but the password, as PostgreSQL's own programs take them.
        password: The password; None where PostgreSQL's library finds it by itself.
        files: Folder of its Parquet files, for whoever creates it; readers learn it from the catalog.
    """

    parameters: str
    password: str | None = field(default=None, repr=False)
    files: Path | None = None

    def __str__(self) -> str:
        return PREFIX + self.parameters


WarehousePlace = Path | LakeAddress


def lake_address(
    connection: LakeConnection, files: Path | None = None, environ: Mapping[str, str] = os.environ
) -> LakeAddress:
    """The address of a configured DuckLake, with its password.

    Args:
        connection: As it is configured.
        files: Folder of its Parquet files; None for those who only read.
        environ: The environment.

    Raises:
        SettingsError: The password cannot be read.
    """
    return LakeAddress(connection.parameters, resolve_password(connection, environ), files)


def as_lake(place: object, environ: Mapping[str, str] = os.environ) -> LakeAddress | None:
    """The DuckLake that a user named in Python, as the setting ``warehouse`` names it.

    Args:
        place: What the user gave.
        environ: The environment.

    Returns:
        Its address; None if it is another place.

    Raises:
        UsageError: It begins as one, and is wrong, or its password cannot be read.
    """
    if isinstance(place, LakeAddress):
        return place
    if not isinstance(place, str) or not place.startswith(PREFIX):
        return None
    try:
        connection = parse_lake(place, Path.cwd())
    except ValueError as error:
        raise UsageError(f"The address of the DuckLake: {error}. Allowed: {ALLOWED_LAKE}.") from None
    return lake_address(connection, environ=environ)
