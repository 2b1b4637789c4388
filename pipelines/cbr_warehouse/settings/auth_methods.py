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

ALLOWED_ACCOUNT_AUTH = (
    "exactly one authentication method: username, password and domain; "
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


def account_auth_problems(given: Collection[str]) -> list[tuple[str, str]]:
    """Checks the authentication keys of an account, whose ``iam_endpoint`` goes with either method.

    Args:
        given: The keys present in the account's table.

    Returns:
        Pairs of key (empty for the account as a whole) and problem.
    """
    if "token" in given:
        return [("token", "a token is of one project and cannot find others")]
    has_user = bool({"username", "password", "domain"} & set(given))
    own = {*given, "iam_endpoint"} if has_user else set(given) - {"iam_endpoint"}
    return auth_problems(own)


def auth_method_of(given: Collection[str]) -> AuthMethod:
    """The authentication method of a source without such problems."""
    (method,) = _methods_in_use(given)
    return method


def _methods_in_use(given: Collection[str]) -> list[AuthMethod]:
    return [method for method in AuthMethod if any(key in given for key in _keys(method))]


def _keys(method: AuthMethod) -> tuple[str, ...]:
    return _REQUIRED[method] + _OPTIONAL.get(method, ())
