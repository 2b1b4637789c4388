"""Redaction: texts of others pass here before they reach an error or a log, so that no secret does."""

import html
import json
import re
from collections.abc import Iterable
from threading import Lock
from urllib.parse import quote, quote_plus

REPLACEMENT = "[secret]"

_LONG = 32
"""Characters from which on a secret is also recognized by its beginning."""

_PREFIX = 12
"""A server may cut a long secret when it repeats it: this many characters are enough to recognize it."""

_SIGNATURE = re.compile(r"(Signature=|Access=)[^\s,;\"'<>]+", re.IGNORECASE)
_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b")
"""A signature, wherever a server repeats it: 64 hexadecimal digits."""

_USER_IN_ADDRESS = re.compile(r"//[^/@\s]+@")


class Redactor:
    """Removes the secrets of one client from texts. Safe to share between threads; its ``repr`` shows none.

    Args:
        secrets: The secrets known from the start.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms: tuple[str, ...] = ()
        self._prefixes: tuple[re.Pattern[str], ...] = ()
        self._lock = Lock()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Adds a secret that became known later, such as a new token."""
        if not secret:
            return
        forms = {
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            html.escape(secret),
        }
        with self._lock:
            # The longest first: one secret may be a part of another.
            self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))
            if len(secret) >= _LONG:
                prefix = re.compile(re.escape(secret[:_PREFIX]) + r"[^\s\"'<>]*")
                self._prefixes = (*self._prefixes, prefix)

    def clean(self, text: str, max_length: int = 200) -> str:
        """Makes a text of others safe to show: without secrets, on one line, printable and short.

        Args:
            text: The text.
            max_length: Characters of the result, an ellipsis included.
        """
        for form in self._forms:
            text = text.replace(form, REPLACEMENT)
        for prefix in self._prefixes:
            text = prefix.sub(REPLACEMENT, text)
        text = _DIGEST.sub(REPLACEMENT, _SIGNATURE.sub(rf"\1{REPLACEMENT}", text))
        text = _USER_IN_ADDRESS.sub(f"//{REPLACEMENT}@", text)
        # This also removes escape sequences of terminals.
        text = "".join(character if character.isprintable() else " " for character in text)
        text = " ".join(text.split())
        return text if len(text) <= max_length else f"{text[: max_length - 3]}..."
