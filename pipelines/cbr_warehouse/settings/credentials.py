"""Secrets in hand: following the references of a source to the values that sign it in.

Separate from reading the configuration, so that commands which ask no source need no secret.
What is done with the values is ``source``'s business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from cbr_warehouse.settings.auth_methods import AuthMethod
from cbr_warehouse.settings.error_messages import key_of
from cbr_warehouse.settings.faults import ConfigProblem, refuse
from cbr_warehouse.settings.model import ALLOWED_REFERENCE, ALLOWED_TEXT, Origin, SourceSettings
from cbr_warehouse.settings.secret_references import Reference, parse_reference

_MOST_BYTES = 1 << 20
_REFERENCES = {
    **dict.fromkeys(("token", "password", "access_key", "secret_key", "security_token"), ALLOWED_REFERENCE),
    **dict.fromkeys(("username", "domain"), ALLOWED_TEXT),
}
"""The keys that may refer to something, and what is allowed there."""
_IN_A_HEADER = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True)
class TokenCredentials:
    """A user token from IAM, as it is.

    Attributes:
        token: The token.
    """

    token: SecretStr


@dataclass(frozen=True)
class PasswordCredentials:
    """What a token is made from.

    Attributes:
        iam_endpoint: Where tokens are made.
        username: The user.
        password: Its password.
        domain: Its domain.
    """

    iam_endpoint: str
    username: str
    password: SecretStr
    domain: str


@dataclass(frozen=True)
class KeyCredentials:
    """Keys that sign each request.

    Attributes:
        access_key: The access key.
        secret_key: The secret key.
        security_token: The security token of temporary keys.
    """

    access_key: SecretStr
    secret_key: SecretStr
    security_token: SecretStr | None = None


Credentials = TokenCredentials | PasswordCredentials | KeyCredentials


def resolve_secrets(source: SourceSettings, environ: Mapping[str, str]) -> Credentials:
    """Fetches the secrets of one source.

    Args:
        source: The source.
        environ: The environment.

    Returns:
        What signs it in.

    Raises:
        SettingsError: A variable or file is missing, empty or unfit; every fault is listed.
    """
    found = find_secrets(source, environ, "the configuration", "")
    if isinstance(found, list):
        refuse(found)
    return found


def find_secrets(
    source: SourceSettings, environ: Mapping[str, str], place: str, table: str
) -> Credentials | list[ConfigProblem]:
    """Fetches the secrets of one source, or finds what is wrong with them.

    Args:
        source: The source.
        environ: The environment.
        place: Where the configuration was read, for a fault.
        table: The source's table with a dot, such as ``sources[0].``, for a fault.

    Returns:
        What signs it in, or the faults.
    """
    faults: list[ConfigProblem] = []

    def text_of(key: str) -> str:
        value = getattr(source, key)
        if not isinstance(value, Reference):
            return str(value)
        try:
            return _fetch(key, value, environ)
        except ValueError as error:
            where = f"{table}{key} (source {source.name})"
            faults.append(ConfigProblem(place, where, str(error), _REFERENCES[key]))
            return ""

    credentials: Credentials
    match source.sign_in:
        case AuthMethod.TOKEN:
            credentials = TokenCredentials(SecretStr(text_of("token")))
        case AuthMethod.PASSWORD:
            credentials = PasswordCredentials(
                str(source.iam_endpoint),
                text_of("username"),
                SecretStr(text_of("password")),
                text_of("domain"),
            )
        case AuthMethod.KEYS:
            credentials = KeyCredentials(
                SecretStr(text_of("access_key")),
                SecretStr(text_of("secret_key")),
                SecretStr(text_of("security_token")) if source.security_token else None,
            )
    return faults or credentials


def secret_faults(
    raw: Mapping[str, Any], origin: Origin, name: str | None, environ: Mapping[str, str]
) -> list[ConfigProblem]:
    """Finds secrets that cannot be had in a configuration that is wrong elsewhere.

    Args:
        raw: The configuration as parsed.
        origin: Where it was read.
        name: The one source that is wanted; None for all.
        environ: The environment.

    Returns:
        The faults of every reference that is one; the others are faults of the configuration itself.
    """
    faults: list[ConfigProblem] = []
    sources = raw.get("sources")
    for position, source in enumerate(sources if isinstance(sources, list) else ()):
        if not isinstance(source, dict) or name not in {None, str(source.get("name"))}:
            continue
        for key in (key for key in _REFERENCES if str(source.get(key)).startswith(("env:", "file:"))):
            try:
                reference = parse_reference(source[key], origin.base)
            except ValueError:
                continue
            try:
                _fetch(key, reference, environ)
            except ValueError as error:
                where = key_of(("sources", position, key), raw)
                faults.append(ConfigProblem(origin.place, where, str(error), _REFERENCES[key]))
    return faults


def _fetch(key: str, reference: Reference, environ: Mapping[str, str]) -> str:
    text = _follow(reference, environ)
    _check(key, text, reference)
    return text


def _follow(reference: Reference, environ: Mapping[str, str]) -> str:
    if reference.kind == "env":
        if reference.name not in environ:
            raise ValueError(f"the environment variable {reference.name} is not set")
        return environ[reference.name]
    try:
        with open(reference.name, "rb") as file:  # noqa: PTH123  Path has no read of a bounded size
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "no path"
        raise ValueError(f"the file {reference.name} cannot be read ({said})") from None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the file {reference.name} is not UTF-8 text") from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"the file {reference.name} is too large for a secret")
    return text.removesuffix("\n").removesuffix("\r")


def _check(key: str, text: str, reference: Reference) -> None:
    what = (
        f"the environment variable {reference.name}"
        if reference.kind == "env"
        else f"the file {reference.name}"
    )
    if not text.strip():
        raise ValueError(f"{what} is empty")
    # These travel in a header, and a header with a line break or a letter beyond ASCII is refused
    # by the HTTP library with an error that shows it.
    if key in {"token", "access_key", "security_token"} and not _IN_A_HEADER.fullmatch(text):
        raise ValueError(f"{what} holds a space, a line break or a character that no {key} has")
    if key != "password" and (text != text.strip() or not text.isprintable()):
        raise ValueError(f"{what} begins or ends with a space, or holds a line break")
    if not text.isprintable():
        raise ValueError(f"{what} holds a line break or a character that cannot be printed")
