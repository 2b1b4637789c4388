"""What a source's load failed with, as a sentence that may be shown and stored."""

import re

from pydantic import SecretStr

from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.settings.resolve_credentials import Credentials
from cbr_warehouse.source.redaction import REPLACEMENT, Redactor

_OPAQUE = re.compile(r"[A-Za-z0-9+=_-]{64,}")
"""Tokens that a source issued during the load look like this; nothing else in a message needs to."""


def describe_failure(error: Exception, credentials: Credentials) -> str:
    """A sentence about an error; one that is not ours is reduced to its type and redacted message.

    Args:
        error: What was raised.
        credentials: The source's secrets, which the message must not repeat.

    Returns:
        One line of text.
    """
    if isinstance(error, CbrWarehouseError):
        return str(error)
    secrets = [
        value.get_secret_value() for value in vars(credentials).values() if isinstance(value, SecretStr)
    ]
    message = _OPAQUE.sub(REPLACEMENT, Redactor(secrets).clean(str(error)))
    return (
        f"An unexpected error: {type(error).__name__}{': ' if message else ''}{message}. "
        "Run the command again with --debug before it and report what it prints."
    )
