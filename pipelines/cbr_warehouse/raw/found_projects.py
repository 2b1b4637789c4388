"""The kept list of an account's projects, with the names of their sources, which never change.

It belongs to raw: what IAM said once cannot be asked again, and the names are part of every path. With it,
every command but ``load`` knows the found sources without a request.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from cbr_warehouse.contract.timestamps import parse_instant, print_instant
from cbr_warehouse.errors import DamagedFileError
from cbr_warehouse.storage.checked_json import read_checked_json, write_checked_json
from cbr_warehouse.storage.files import names_in
from cbr_warehouse.storage.layout import DataDirectory

VANISHED = "IAM no longer lists it"
DISABLED = "it is disabled"
"""Why a project is missing."""


@dataclass(frozen=True)
class FoundProject:
    """A project that an account was found to have.

    Attributes:
        source: Name of its source.
        project_id: Its id.
        project: Its name at last.
        region: Its region.
        endpoint: The address of CBR there, as it was found.
        found_at: When it was found, UTC.
        missing_since: Since when it is missing; None while it is there.
        missing_why: Why it is missing.
    """

    source: str
    project_id: str
    project: str
    region: str
    endpoint: str
    found_at: datetime
    missing_since: datetime | None = None
    missing_why: str | None = None

    def missing(self, since: datetime, why: str) -> "FoundProject":
        """The project as missing; one that is missing already stays so since then."""
        return replace(self, missing_since=self.missing_since or since, missing_why=why)


def read_found_projects(directory: DataDirectory, account: str) -> tuple[FoundProject, ...]:
    """Reads the projects of an account; none if they were never looked for.

    Args:
        directory: The data directory.
        account: Name of the account.

    Raises:
        DamagedFileError: The list is not what was written.
        StorageError: It cannot be read.
    """
    path = directory.found_projects(account)
    value = read_checked_json(path, ("account", "projects"))
    if value is None:
        return ()
    try:
        return tuple(_parse(one) for one in value["projects"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(path, f"it is no list of projects ({error})") from error


def write_found_projects(directory: DataDirectory, account: str, projects: Sequence[FoundProject]) -> None:
    """Writes the projects of an account, whole.

    Args:
        directory: The data directory; the caller holds its ``accounts_lock``.
        account: Name of the account.
        projects: All that were ever found.

    Raises:
        StorageError: The list could not be written.
    """
    listed = [{key: _plain(value) for key, value in asdict(one).items()} for one in projects]
    write_checked_json(directory.found_projects(account), {"account": account, "projects": listed})


def accounts_with_list(directory: DataDirectory) -> tuple[str, ...]:
    """Names of all accounts whose projects were ever found."""
    folder = directory.found_projects("any").parent
    return tuple(sorted(name.removesuffix(".json") for name in names_in(folder, suffix=".json")))


def _plain(value: Any) -> Any:
    return print_instant(value) if isinstance(value, datetime) else value


def _parse(value: dict[str, Any]) -> FoundProject:
    known = {key: value[key] for key in FoundProject.__dataclass_fields__ if key in value}
    times = {key: parse_instant(known[key]) for key in ("found_at", "missing_since") if known.get(key)}
    return FoundProject(**known | times)
