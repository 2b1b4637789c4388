"""Selects the sources of a command and resolves their secrets, reporting all problems at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.locate import FILE_NAME
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.problems import ConfigProblem, raise_problems
from cbr_warehouse.settings.read import ENVIRONMENT, VENDOR_VARIABLES, missing_vendor_variables
from cbr_warehouse.settings.resolve_credentials import Credentials, find_secrets


@dataclass(frozen=True)
class ReadySource:
    """A source with resolved credentials.

    Attributes:
        settings: The source's settings.
        credentials: Its credentials.
    """

    settings: SourceSettings
    credentials: Credentials


@dataclass(frozen=True)
class ReadyAccount:
    """An account with resolved credentials.

    Attributes:
        settings: The account's settings.
        credentials: Its credentials.
    """

    settings: AccountSettings
    credentials: Credentials


def require_accounts(settings: Settings, environ: Mapping[str, str]) -> tuple[ReadyAccount, ...]:
    """All accounts, with their secrets resolved.

    Args:
        settings: The configuration.
        environ: The environment variables.

    Raises:
        SettingsError: A secret cannot be resolved; the message lists every problem of accounts and
            configured sources.
    """
    ready: list[ReadyAccount] = []
    problems: list[ConfigProblem] = []
    for position, account in enumerate(settings.accounts):
        found = find_secrets(account, environ, settings.place, f"accounts[{position}]")
        if isinstance(found, list):
            problems += found
        else:
            ready.append(ReadyAccount(account, found))
    if problems:
        for source in settings.sources:
            secrets = find_secrets(source, environ, settings.place, _table_of(settings, source))
            problems += secrets if isinstance(secrets, list) else []
        raise_problems(problems)
    return tuple(ready)


def choose_sources(
    settings: Settings, name: str | None, environ: Mapping[str, str]
) -> tuple[SourceSettings, ...]:
    """Selects sources without resolving secrets.

    Args:
        settings: The configuration.
        name: The only source to select; None for all.
        environ: The environment variables, to name the vendor's variables that are missing.

    Returns:
        At least one source.

    Raises:
        SettingsError: There is no source, or none of that name.
    """
    if not settings.sources:
        raise SettingsError(_none_configured(settings, environ))
    if name is None:
        return settings.sources
    chosen = tuple(source for source in settings.sources if source.name == name)
    if not chosen:
        names = [source.name for source in settings.sources]
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError(
            f"{settings.place}: there is no source called {name!r}; configured: {', '.join(names)}.{hint}"
        )
    return chosen


def require_sources(
    settings: Settings, name: str | None, environ: Mapping[str, str]
) -> tuple[ReadySource, ...]:
    """Selects sources and resolves their secrets.

    Args:
        settings: The configuration.
        name: The only source to select; None for all.
        environ: The environment variables.

    Returns:
        At least one source.

    Raises:
        SettingsError: There is no such source, or a secret cannot be resolved; the message lists every
            problem of every selected source.
    """
    ready: list[ReadySource] = []
    problems: list[ConfigProblem] = []
    for source in choose_sources(settings, name, environ):
        found = find_secrets(source, environ, settings.place, _table_of(settings, source))
        if isinstance(found, list):
            problems += found
        else:
            ready.append(ReadySource(source, found))
    if problems:
        raise_problems(problems)
    return tuple(ready)


def _table_of(settings: Settings, source: SourceSettings) -> str:
    """The table of the configuration that has the secrets of a source."""
    if source.account is None:
        return f"sources[{settings.sources.index(source)}]"
    return f"accounts[{[account.name for account in settings.accounts].index(source.account)}]"


def _none_configured(settings: Settings, environ: Mapping[str, str]) -> str:
    how = (
        f"Add a [[sources]] table with name, endpoint, project_id and credentials to {FILE_NAME} "
        "(docs/configuration.md has an example)"
    )
    missing = missing_vendor_variables(environ)
    if settings.accounts:
        names = ", ".join(account.name for account in settings.accounts)
        return (
            f"{settings.place}: no project is known of the accounts {names}. Run 'cbr-warehouse load', which "
            "finds them; or correct regions, include and exclude, which leave none."
        )
    if settings.place != ENVIRONMENT:
        return f"{settings.place} configures no source. {how}."
    if len(missing) < len(VENDOR_VARIABLES):
        return f"No source is configured: set {' and '.join(missing)} too. Or else: {how}."
    return (
        f"No source is configured. Run 'cbr-warehouse init', which asks for one and writes it as [[sources]] "
        f"into {FILE_NAME}, or set {', '.join(VENDOR_VARIABLES.values())}, or try 'cbr-warehouse demo'."
    )
