"""The three ways to sign in, as sets of keys: which one a source has, or what is wrong with it."""

from collections.abc import Collection
from enum import StrEnum


class AuthMethod(StrEnum):
    """A way to sign in."""

    TOKEN = "token"  # noqa: S105  the name of a way
    PASSWORD = "password"  # noqa: S105
    KEYS = "keys"


_REQUIRED: dict[AuthMethod, tuple[str, ...]] = {
    AuthMethod.TOKEN: ("token",),
    AuthMethod.PASSWORD: ("iam_endpoint", "username", "password", "domain"),
    AuthMethod.KEYS: ("access_key", "secret_key"),
}
_OPTIONAL: dict[AuthMethod, tuple[str, ...]] = {AuthMethod.KEYS: ("security_token",)}

ALLOWED_SIGN_IN = (
    "exactly one way to sign in: token; or iam_endpoint, username, password and domain; "
    "or access_key and secret_key, with security_token where the keys are temporary"
)


def sign_in_faults(given: Collection[str]) -> list[tuple[str, str]]:
    """Finds what is wrong with how a source signs in.

    Args:
        given: The keys that the source has.

    Returns:
        For each fault the key it is about (empty for the source as a whole) and what is wrong.
    """
    begun = _begun(given)
    if not begun:
        return [("", "no way to sign in is given")]
    if len(begun) > 1:
        used = [key for way in begun for key in _keys(way) if key in given]
        return [("", f"{len(begun)} ways to sign in are mixed: {', '.join(used)}")]
    (way,) = begun
    present = ", ".join(key for key in _keys(way) if key in given)
    return [(key, f"is missing beside {present}") for key in _REQUIRED[way] if key not in given]


def way_of(given: Collection[str]) -> AuthMethod:
    """The way to sign in of a source without such faults."""
    (way,) = _begun(given)
    return way


def _begun(given: Collection[str]) -> list[AuthMethod]:
    return [way for way in AuthMethod if any(key in given for key in _keys(way))]


def _keys(way: AuthMethod) -> tuple[str, ...]:
    return _REQUIRED[way] + _OPTIONAL.get(way, ())
