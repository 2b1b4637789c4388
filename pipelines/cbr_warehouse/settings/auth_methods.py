"""The three authentication methods, each a set of keys, and validation of the keys of a source."""

from collections.abc import Collection
from enum import StrEnum


class AuthMethod(StrEnum):
    """An authentication method."""

    TOKEN = "token"  # noqa: S105  the name of a method
    PASSWORD = "password"  # noqa: S105
    KEYS = "keys"


_REQUIRED: dict[AuthMethod, tuple[str, ...]] = {
    AuthMethod.TOKEN: ("token",),
    AuthMethod.PASSWORD: ("iam_endpoint", "username", "password", "domain"),
    AuthMethod.KEYS: ("access_key", "secret_key"),
}
_OPTIONAL: dict[AuthMethod, tuple[str, ...]] = {AuthMethod.KEYS: ("security_token",)}

ALLOWED_AUTH = (
    "exactly one authentication method: token; or iam_endpoint, username, password and domain; "
    "or access_key and secret_key, with security_token where the keys are temporary"
)


def auth_problems(given: Collection[str]) -> list[tuple[str, str]]:
    """Checks the authentication keys of a source.

    Args:
        given: The keys present in the source's table.

    Returns:
        Pairs of key (empty for the source as a whole) and problem.
    """
    used_methods = _methods_in_use(given)
    if not used_methods:
        return [("", "no authentication method is configured")]
    if len(used_methods) > 1:
        used = [key for method in used_methods for key in _keys(method) if key in given]
        return [("", f"{len(used_methods)} authentication methods are mixed: {', '.join(used)}")]
    (method,) = used_methods
    present = ", ".join(key for key in _keys(method) if key in given)
    return [(key, f"is missing beside {present}") for key in _REQUIRED[method] if key not in given]


def auth_method_of(given: Collection[str]) -> AuthMethod:
    """The authentication method of a source without such problems."""
    (method,) = _methods_in_use(given)
    return method


def _methods_in_use(given: Collection[str]) -> list[AuthMethod]:
    return [method for method in AuthMethod if any(key in given for key in _keys(method))]


def _keys(method: AuthMethod) -> tuple[str, ...]:
    return _REQUIRED[method] + _OPTIONAL.get(method, ())
