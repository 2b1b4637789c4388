"""Choosing sources for a command that needs some, and fetching their secrets, all faults at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.credentials import Credentials, find_secrets
from cbr_warehouse.settings.faults import ConfigProblem, refuse
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.read import ENVIRONMENT, FILE_NAME, VENDOR_VARIABLES, missing_vendor_variables


@dataclass(frozen=True)
class ReadySource:
    """A source that can be asked.

    Attributes:
        settings: The source.
        credentials: What signs it in.
    """

    settings: SourceSettings
    credentials: Credentials


def choose_sources(
    settings: Settings, name: str | None, environ: Mapping[str, str]
) -> tuple[SourceSettings, ...]:
    """Chooses what a command works on, without touching a secret.

    Args:
        settings: The configuration.
        name: The one source that is wanted; None for all.
        environ: The environment, to say which of the vendor's variables are missing.

    Returns:
        At least one source.

    Raises:
        SettingsError: There is none, or none of that name.
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
    """Chooses what a command works on, with the secrets of each source.

    Args:
        settings: The configuration.
        name: The one source that is wanted; None for all.
        environ: The environment.

    Returns:
        At least one source.

    Raises:
        SettingsError: There is none, or a secret of the chosen ones cannot be had; every fault of
            every chosen source is listed.
    """
    ready: list[ReadySource] = []
    faults: list[ConfigProblem] = []
    for source in choose_sources(settings, name, environ):
        table = f"sources[{settings.sources.index(source)}]."
        found = find_secrets(source, environ, settings.place, table)
        if isinstance(found, list):
            faults += found
        else:
            ready.append(ReadySource(source, found))
    if faults:
        refuse(faults)
    return tuple(ready)


def _none_configured(settings: Settings, environ: Mapping[str, str]) -> str:
    how = (
        f"Write a [[sources]] table with name, endpoint, project_id and a way to sign in into {FILE_NAME} "
        "(docs/configuration.md has an example)"
    )
    missing = missing_vendor_variables(environ)
    if settings.place != ENVIRONMENT:
        return f"{settings.place} configures no source. {how}."
    if len(missing) < len(VENDOR_VARIABLES):
        return f"No source is configured: set {' and '.join(missing)} too. Or else: {how}."
    return (
        f"No source is configured. {how}, or set {', '.join(VENDOR_VARIABLES.values())}, "
        "or try `cbr-warehouse demo`."
    )
