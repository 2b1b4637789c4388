"""Resolves references to secrets (``env:NAME``, ``file:PATH``) into credentials.

Separate from reading the configuration, so that commands that access no source need no secrets. The
credentials are used in ``source``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from cbr_warehouse.errors import SettingsError
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.auth_methods import AuthMethod
from cbr_warehouse.settings.error_messages import key_of
from cbr_warehouse.settings.field_types import ALLOWED_REFERENCE, ALLOWED_TEXT, Origin
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.problems import ConfigProblem
from cbr_warehouse.settings.secret_references import Reference, parse_reference, read_reference

_REFERENCES = {
    **dict.fromkeys(("token", "password", "access_key", "secret_key", "security_token"), ALLOWED_REFERENCE),
    **dict.fromkeys(("username", "domain"), ALLOWED_TEXT),
}
"""Keys that may be references, with the description of allowed values."""
_HEADER_VALUE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True)
class TokenCredentials:
    """A user token from IAM.

    Attributes:
        token: The token.
    """

    token: SecretStr


@dataclass(frozen=True)
class PasswordCredentials:
    """Credentials for requesting tokens from IAM.

    Attributes:
        iam_endpoint: Base URL of IAM, without ``/v3``.
        username: The IAM user.
        password: The user's password.
        domain: The user's domain (account).
    """

    iam_endpoint: str
    username: str
    password: SecretStr
    domain: str


@dataclass(frozen=True)
class KeyCredentials:
    """Keys for request signing.

    Attributes:
        access_key: The access key (AK).
        secret_key: The secret key (SK).
        security_token: The security token of temporary keys.
    """

    access_key: SecretStr
    secret_key: SecretStr
    security_token: SecretStr | None = None


Credentials = TokenCredentials | PasswordCredentials | KeyCredentials


def find_secrets(
    owner: SourceSettings | AccountSettings, environ: Mapping[str, str], place: str, table: str
) -> Credentials | list[ConfigProblem]:
    """Resolves the secrets of one source or account.

    Args:
        owner: The source or account.
        environ: The environment variables.
        place: Name of the configuration, for messages.
        table: Its table, such as ``sources[0]``, for messages.

    Returns:
        The credentials, or all problems found.
    """
    problems: list[ConfigProblem] = []
    found_by = owner.account if isinstance(owner, SourceSettings) else owner.name
    named = f"source {owner.name}" if found_by is None else f"account {found_by}"

    def text_of(key: str) -> str:
        value = getattr(owner, key)
        if not isinstance(value, Reference):
            return str(value)
        try:
            return _fetch(key, value, environ)
        except ValueError as error:
            where = f"{table}.{key} ({named})"
            problems.append(ConfigProblem(place, where, str(error), _REFERENCES[key]))
            return ""

    credentials: Credentials
    match owner.auth_method:
        case AuthMethod.TOKEN:
            credentials = TokenCredentials(SecretStr(text_of("token")))
        case AuthMethod.PASSWORD:
            credentials = PasswordCredentials(
                str(owner.iam_endpoint),
                text_of("username"),
                SecretStr(text_of("password")),
                text_of("domain"),
            )
        case AuthMethod.KEYS:
            credentials = KeyCredentials(
                SecretStr(text_of("access_key")),
                SecretStr(text_of("secret_key")),
                SecretStr(text_of("security_token")) if owner.security_token else None,
            )
    return problems or credentials


def secret_problems(
    raw: Mapping[str, Any], origin: Origin, name: str | None, environ: Mapping[str, str]
) -> list[ConfigProblem]:
    """Finds unresolvable secrets in a configuration that is invalid for other reasons.

    Args:
        raw: The parsed TOML.
        origin: Where it was read.
        name: The only source to check; None for all, and for all accounts.
        environ: The environment variables.

    Returns:
        Problems of all well-formed references; malformed ones are reported by the validation.
    """
    problems: list[ConfigProblem] = []
    for kind, position, table in _tables(raw):
        is_wanted = name is None or (kind == "sources" and name == str(table.get("name")))
        for key in _REFERENCES if is_wanted else ():
            if not str(table.get(key)).startswith(("env:", "file:")):
                continue
            try:
                reference = parse_reference(table[key], origin.base)
            except ValueError:
                continue
            try:
                _fetch(key, reference, environ)
            except ValueError as error:
                where = key_of((kind, position, key), raw)
                problems.append(ConfigProblem(origin.place, where, str(error), _REFERENCES[key]))
    return problems


def _tables(raw: Mapping[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The tables that have secrets, with their kind and position."""
    for kind in ("sources", "accounts"):
        tables = raw.get(kind)
        for position, table in enumerate(tables if isinstance(tables, list) else ()):
            if isinstance(table, dict):
                yield kind, position, table


def resolve_text(key: str, value: str | Reference, environ: Mapping[str, str]) -> str:
    """Resolves a value that is plain text or a reference.

    Args:
        key: Its key in the configuration, for the message.
        value: The value.
        environ: The environment variables.

    Raises:
        SettingsError: The secret cannot be had.
    """
    try:
        return _fetch("password", value, environ) if isinstance(value, Reference) else value
    except ValueError as error:
        raise SettingsError(f"{key}: {error}.") from None


def _fetch(key: str, reference: Reference, environ: Mapping[str, str]) -> str:
    text = read_reference(reference, environ)
    _check(key, text, reference)
    return text


def _check(key: str, text: str, reference: Reference) -> None:
    what = (
        f"the environment variable {reference.name}"
        if reference.kind == "env"
        else f"the file {reference.name}"
    )
    if not text.strip():
        raise ValueError(f"{what} is empty")
    # Sent in a header; the HTTP library rejects a header with a line break or a non-ASCII character
    # with an error that shows the value.
    if key in {"token", "access_key", "security_token"} and not _HEADER_VALUE.fullmatch(text):
        raise ValueError(
            f"{what} contains a space, a line break or a character that is not allowed in a {key}"
        )
    if key != "password" and (text != text.strip() or not text.isprintable()):
        raise ValueError(f"{what} begins or ends with a space, or contains a line break")
    if not text.isprintable():
        raise ValueError(f"{what} contains a line break or a character that cannot be printed")
