"""The sources that accounts found, from the kept lists, without a request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.raw.found_projects import FoundProject, read_found_projects
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.storage.layout import DataDirectory


@dataclass(frozen=True)
class MissingProject:
    """A found project that is no longer there: it is not loaded, and its data are kept.

    Attributes:
        account: Name of its account.
        found: What is known of it.
    """

    account: str
    found: FoundProject

    def __str__(self) -> str:
        found = self.found
        since = f"{found.missing_since:%Y-%m-%d %H:%M} UTC"
        return (
            f"{found.source}: the project {found.project} ({found.project_id}) of the account {self.account} "
            f"is missing since {since}: {found.missing_why}. It is not loaded, and its data "
            "are kept. If it was not deleted on purpose, check what the user may access; to end "
            "this message, name it in exclude of the account."
        )


def with_found_sources(
    settings: Settings,
    directory: DataDirectory,
    found: Mapping[str, Sequence[FoundProject]] | None = None,
) -> Settings:
    """The configuration with the sources that its accounts found.

    Args:
        settings: The configuration; what accounts found before is replaced.
        directory: The data directory, which has the kept lists.
        found: Lists by account that are newer than the kept ones.

    Returns:
        The configuration; its ``sources`` are those that a load is to read.

    Raises:
        SettingsError: A configured source has the name of another, found project.
        DamagedFileError: A kept list is not what was written.
    """
    if not settings.accounts:
        return settings
    own = (source for source in settings.sources if source.account is None)
    present = (
        source_of(account, project)
        for account, project in _taken(settings, directory, found or {})
        if project.missing_since is None
    )
    return settings.model_copy(update={"sources": (*own, *present)})


def missing_projects(settings: Settings, directory: DataDirectory) -> tuple[MissingProject, ...]:
    """Found projects that are no longer there, and that the configuration does not leave out.

    Args:
        settings: The configuration.
        directory: The data directory.

    Raises:
        SettingsError: A configured source has the name of another, found project.
        DamagedFileError: A kept list is not what was written.
    """
    return tuple(
        MissingProject(account.name, project)
        for account, project in _taken(settings, directory, {})
        if project.missing_since is not None
    )


def source_of(account: AccountSettings, project: FoundProject) -> SourceSettings:
    """The source of a found project: with the account's settings and credentials.

    Args:
        account: The account.
        project: The project.
    """
    shared = {key: value for key, value in account if key in SourceSettings.model_fields}
    # IAM's address is a source's only where it signs in by password.
    if account.password is None:
        del shared["iam_endpoint"]
    own = {
        "name": project.source,
        "endpoint": account.endpoint_in(project.region) or project.endpoint,
        "project_id": project.project_id,
        "region": project.region,
    }
    return SourceSettings.model_validate(shared | own).found_by(account.name)


def _taken(
    settings: Settings, directory: DataDirectory, found: Mapping[str, Sequence[FoundProject]]
) -> Iterator[tuple[AccountSettings, FoundProject]]:
    """The found projects that are sources: no configured source loads them, and they are not left out."""
    configured = {source.name: source for source in settings.sources if source.account is None}
    own = {(source.endpoint, source.project_id) for source in configured.values()}
    for account in settings.accounts:
        kept = found[account.name] if account.name in found else read_found_projects(directory, account.name)
        for project in kept:
            endpoint = account.endpoint_in(project.region) or project.endpoint
            if (endpoint, project.project_id) in own or not account.takes(project.project, project.region):
                continue
            if project.source in configured:
                raise SettingsError(
                    f"{settings.place}: the source {project.source} has the name of another project: "
                    f"{project.project} ({project.project_id}), found by the account {account.name}. Give "
                    "the source another name; or, if it is that project, its endpoint and project_id."
                )
            yield account, project
