"""Looks for the projects of an account, and brings the kept list of them up to date.

A failure of IAM, or an answer that names none of the known projects, changes nothing: it is reported, and the
known projects are loaded. What is made of the list is in ``found_sources``.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from cbr_warehouse.errors import CbrWarehouseError, PermanentSourceError
from cbr_warehouse.load.describe_failure import describe_failure
from cbr_warehouse.raw.found_projects import (
    DISABLED,
    VANISHED,
    FoundProject,
    accounts_with_list,
    read_found_projects,
    write_found_projects,
)
from cbr_warehouse.remote.place import keep_in_store
from cbr_warehouse.settings.select_sources import ReadyAccount
from cbr_warehouse.storage.format_version import upgrade_format
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.lock import hold_lock

if TYPE_CHECKING:  # the HTTP client is imported where IAM is connected to
    from cbr_warehouse.source.account import AccountClient, AccountLists, ListedProject

MAX_NAME = 63
_ID_CHARACTERS = 8
"""Of a project's id, where its name alone does not make a name of its own."""

_MOST_AT_ONCE = 8
"""Accounts that are asked side by side."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


Connect = Callable[[ReadyAccount], "AccountClient"]


@dataclass(frozen=True)
class AccountReport:
    """What looking for the projects of an account came to.

    Attributes:
        account: Name of the account.
        projects: All that were ever found; none where it failed.
        new: Projects found for the first time.
        returned: Projects that were missing and are there again.
        newly_missing: Projects that were there until now.
        is_changed: Whether the list is another than the kept one.
        failure: Why the list is as it was; None if it is up to date.
    """

    account: str
    projects: tuple[FoundProject, ...] = ()
    new: tuple[FoundProject, ...] = ()
    returned: tuple[FoundProject, ...] = ()
    newly_missing: tuple[FoundProject, ...] = ()
    is_changed: bool = False
    failure: CbrWarehouseError | None = None


def find_projects(
    directory: DataDirectory,
    account: ReadyAccount,
    configured: Collection[str],
    clock: Callable[[], datetime],
    connect: Connect | None = None,
) -> AccountReport:
    """Asks IAM for the projects of an account, and notes new, missing and returned ones.

    Args:
        directory: The data directory.
        account: The account.
        configured: Names of the sources that are configured themselves.
        clock: Returns the present, UTC.
        connect: Opens a client of IAM; None for the network.

    Returns:
        The result; whatever went wrong is its ``failure``.
    """
    name = account.settings.name

    def note() -> AccountReport:
        lists = _read_lists(account, connect)
        upgrade_format(directory)
        with hold_lock(
            directory.accounts_lock, what=f"projects of {name}", now=clock(), wait=True, report=_say_nothing
        ):
            report = _bring_up_to_date(directory, name, lists, configured, clock())
            if report.is_changed:
                write_found_projects(directory, name, report.projects)
                keep_in_store(directory, directory.found_projects(name), f"projects of {name}", clock())
        return report

    return _with_failure(account, note)


def preview_projects(
    directory: DataDirectory,
    account: ReadyAccount,
    configured: Collection[str],
    clock: Callable[[], datetime],
) -> AccountReport:
    """The same as :func:`find_projects`, without writing what was found.

    Args:
        directory: The data directory.
        account: The account.
        configured: Names of the sources that are configured themselves.
        clock: Returns the present, UTC.
    """

    def look() -> AccountReport:
        lists = _read_lists(account, None)
        return _bring_up_to_date(directory, account.settings.name, lists, configured, clock())

    return _with_failure(account, look)


def find_all(
    directory: DataDirectory,
    accounts: Sequence[ReadyAccount],
    configured: Collection[str],
    clock: Callable[[], datetime],
    find: Callable[..., AccountReport] = find_projects,
) -> tuple[AccountReport, ...]:
    """Looks for the projects of several accounts side by side.

    Args:
        directory: The data directory.
        accounts: The accounts.
        configured: Names of the sources that are configured themselves.
        clock: Returns the present, UTC.
        find: ``find_projects``, or ``preview_projects``.

    Returns:
        The result of each, in the order of the accounts.
    """
    if not accounts:
        return ()
    with ThreadPoolExecutor(min(len(accounts), _MOST_AT_ONCE), thread_name_prefix="account") as pool:
        return tuple(pool.map(lambda one: find(directory, one, configured, clock), accounts))


def refuse_other_account(account: str, known: Sequence[FoundProject], lists: "AccountLists") -> None:
    """Fails if IAM names none of the projects that were there: credentials of another user or account.

    Args:
        account: Name of the account.
        known: The kept list.
        lists: What IAM says.

    Raises:
        PermanentSourceError: None of them is named; were it taken as it is, all would be missing.
    """
    present = [project for project in known if project.missing_since is None]
    listed = {project.id for project in lists.projects}
    if present and listed.isdisjoint(project.project_id for project in present):
        raise PermanentSourceError(
            f"Account {account}: IAM lists {len(listed):,} projects, none of the {len(present):,} that are "
            "known, so nothing is changed. Check that the credentials are of the same account and that "
            "their user may still access its projects; if they are gone indeed, remove the account."
        )


def merge_projects(
    account: str,
    known: Sequence[FoundProject],
    lists: "AccountLists",
    taken: Collection[str],
    now: datetime,
) -> tuple[FoundProject, ...]:
    """The kept list, brought up to date.

    Args:
        account: Name of the account.
        known: The list so far.
        lists: What IAM says.
        taken: Names that no new source may have.
        now: The present, UTC.

    Returns:
        All projects that were ever found, in the order in which they were.
    """
    listed = {project.id: project for project in lists.projects}
    merged = [_update(project, listed.get(project.project_id), lists.endpoints, now) for project in known]
    names = {*taken, *(project.source for project in known)}
    ids = {project.project_id for project in known}
    for project in sorted(listed.values(), key=lambda one: (one.name, one.id)):
        region = region_of(project.name, lists.endpoints)
        if project.id in ids or region is None or not project.enabled or not _ID.fullmatch(project.id):
            continue
        source = name_source(account, project.name, project.id, names)
        names.add(source)
        endpoint = lists.endpoints[region]
        merged.append(FoundProject(source, project.id, project.name, region, endpoint, now))
    return tuple(merged)


def region_of(project: str, regions: Collection[str]) -> str | None:
    """The region that a project is in, by its name: the region's, or that with ``_`` and more.

    >>> region_of("eu-de_team", ["eu-de", "eu-nl"])
    'eu-de'
    >>> region_of("MOS", ["eu-de", "eu-nl"])

    Args:
        project: Its name.
        regions: The regions that have CBR.

    Returns:
        The region; None for a project that is in none of these.
    """
    region = project.partition("_")[0]
    return region if region in regions else None


def name_source(account: str, project: str, project_id: str, taken: Collection[str]) -> str:
    """The name of a new source: that of the account and that of the project, and some of its id where needed.

    >>> name_source("prod", "eu-de_Team A", "04f1829c", ())
    'prod-eu-de-team-a'
    >>> name_source("prod", "eu-de_Team A", "04f1829c", ("prod-eu-de-team-a",))
    'prod-eu-de-team-a-04f1829c'

    Args:
        account: Name of the account.
        project: Name of the project.
        project_id: Its id.
        taken: Names of other sources.
    """
    words = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")
    name = f"{account}-{words}"
    if name not in taken and len(name) <= MAX_NAME:
        return name
    for count in (_ID_CHARACTERS, len(project_id)):
        end = re.sub(r"[^a-z0-9]+", "-", project_id.lower())[:count].strip("-")
        name = f"{f'{account}-{words}'[: MAX_NAME - 1 - len(end)].rstrip('-')}-{end}"
        if name not in taken:
            break
    return name


def _update(
    known: FoundProject, listed: "ListedProject | None", endpoints: Mapping[str, str], now: datetime
) -> FoundProject:
    if listed is None:
        return known.missing(now, VANISHED)
    # Of a region that IAM names no address for any more, the one that was found stays.
    endpoint = endpoints.get(known.region, known.endpoint)
    found = replace(known, project=listed.name, endpoint=endpoint)
    if not listed.enabled:
        return found.missing(now, DISABLED)
    return replace(found, missing_since=None, missing_why=None)


def _with_failure(account: ReadyAccount, work: Callable[[], AccountReport]) -> AccountReport:
    """The result of some work, or what it failed with."""
    name = account.settings.name
    try:
        return work()
    except CbrWarehouseError as error:
        return AccountReport(name, failure=error)
    except Exception as error:  # noqa: BLE001  one account must not stop the others, whatever it raises
        return AccountReport(name, failure=CbrWarehouseError(describe_failure(error, account.credentials)))


def _read_lists(account: ReadyAccount, connect: Connect | None) -> "AccountLists":
    with (connect or _connect)(account) as client:
        return client.read_lists()


def _bring_up_to_date(
    directory: DataDirectory,
    account: str,
    lists: "AccountLists",
    configured: Collection[str],
    now: datetime,
) -> AccountReport:
    """Compares the kept list with what IAM says."""
    known = read_found_projects(directory, account)
    refuse_other_account(account, known, lists)
    merged = merge_projects(account, known, lists, {*configured, *_names_of_others(directory, account)}, now)
    before = {project.project_id: project.missing_since is not None for project in known}
    return AccountReport(
        account,
        merged,
        new=tuple(one for one in merged if one.project_id not in before),
        returned=tuple(one for one in merged if before.get(one.project_id) and one.missing_since is None),
        newly_missing=tuple(
            one for one in merged if before.get(one.project_id) is False and one.missing_since is not None
        ),
        is_changed=merged != known,
    )


def _names_of_others(directory: DataDirectory, account: str) -> set[str]:
    others = (name for name in accounts_with_list(directory) if name != account)
    return {project.source for name in others for project in read_found_projects(directory, name)}


def _say_nothing(sentence: str) -> None:
    """The lock is held for milliseconds: nobody needs to be told."""


def _connect(account: ReadyAccount) -> "AccountClient":
    from cbr_warehouse.source.account import AccountClient  # noqa: PLC0415  httpx is slow to import

    return AccountClient(account.settings, account.credentials)
