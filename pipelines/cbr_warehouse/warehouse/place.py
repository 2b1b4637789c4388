"""Where readers find the published warehouse: its file, or a DuckLake that every load publishes to."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cbr_warehouse.errors import UsageError
from cbr_warehouse.settings.lake import ALLOWED_LAKE, PREFIX, LakeConnection, parse_lake, resolve_password
from cbr_warehouse.settings.secret_references import Reference
from cbr_warehouse.storage.store_url import StoreUrl


@dataclass(frozen=True)
class LakeAddress:
    """A DuckLake with its catalog in PostgreSQL, ready to connect to.

    Attributes:
        parameters: Parameters of the connection but the password, as PostgreSQL's own programs take them.
        password: The password or the reference to it, which is read when it is needed; None where
            PostgreSQL's library finds it by itself.
        files: Where its Parquet files are, for whoever creates it; readers learn it from the catalog.
    """

    parameters: str
    password: str | Reference | None = field(default=None, repr=False)
    files: Path | StoreUrl | None = None

    def __str__(self) -> str:
        return PREFIX + self.parameters

    def read_password(self) -> str | None:
        """The password, from where its reference points to.

        Raises:
            SettingsError: There is nothing, or it cannot be read.
        """
        if isinstance(self.password, Reference):
            return resolve_password(LakeConnection(self.parameters, self.password), os.environ)
        return self.password


WarehousePlace = Path | LakeAddress


def lake_address(connection: LakeConnection, files: Path | StoreUrl | None = None) -> LakeAddress:
    """The address of a configured DuckLake; its password is not read yet.

    Args:
        connection: As it is configured.
        files: Where its Parquet files are; None for those who only read.
    """
    return LakeAddress(connection.parameters, connection.password, files)


def as_lake(place: object) -> LakeAddress | None:
    """The DuckLake that a user named in Python, as the setting ``warehouse`` names it.

    Args:
        place: What the user gave.

    Returns:
        Its address; None if it is another place.

    Raises:
        UsageError: It begins as one, and is wrong.
    """
    if not isinstance(place, str) or not place.startswith(PREFIX):
        return None
    try:
        connection = parse_lake(place, Path.cwd())
    except ValueError as error:
        raise UsageError(f"The address of the DuckLake: {error}. Allowed: {ALLOWED_LAKE}.") from None
    return lake_address(connection)
