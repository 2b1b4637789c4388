"""Shows what was found of the projects of accounts, and which are missing."""

from collections.abc import Sequence

from cbr_warehouse.cli.invocation import Invocation
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.errors import StorageError
from cbr_warehouse.load.find_projects import AccountReport
from cbr_warehouse.load.found_sources import MissingProject, missing_projects
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory


def show_found(reports: Sequence[AccountReport]) -> None:
    """Prints new and returned projects on stdout, and failures on stderr."""
    for report in reports:
        for how, projects in (("found", report.new), ("found again", report.returned)):
            for one in projects:
                show(f"account {report.account}: {how}: project {one.project} as source {one.source}")
        if report.failure is not None:
            say(f"{report.failure} The projects of the account {report.account} known so far are loaded.")


def require_found(
    invocation: Invocation, name: str | None, reports: Sequence[AccountReport]
) -> tuple[ReadySource, ...]:
    """The sources that are to be loaded, with their secrets.

    Args:
        invocation: What the command starts from.
        name: The only source; None for all.
        reports: What looking for projects came to.

    Raises:
        CbrWarehouseError: There is no source because its account could not be asked.
        SettingsError: There is no source, or a secret cannot be had.
    """
    failures = [report.failure for report in reports if report.failure is not None]
    if failures and not any(name in {None, source.name} for source in invocation.settings.sources):
        raise failures[0]
    return invocation.require_sources(name)


def read_missing(settings: Settings, directory: DataDirectory) -> tuple[MissingProject, ...]:
    """The found projects that are no longer there; says on stderr where their list cannot be read.

    Args:
        settings: The configuration as it is in the file.
        directory: The data directory.
    """
    try:
        return missing_projects(settings, directory)
    except StorageError as error:  # what else a command shows is not of this list
        say(str(error))
        return ()
