"""Keeping secrets out of what is told: texts of others pass here before they reach an error or a log."""

import html
import json
import re
from collections.abc import Iterable
from threading import Lock
from urllib.parse import quote, quote_plus

INSTEAD = "[secret]"

_LONG = 32
_BEGINNING = 12
"""A server may cut a long secret when it repeats it: its beginning is enough to know it."""

_SIGNATURE = re.compile(r"(Signature=|Access=)[^\s,;\"'<>]+", re.IGNORECASE)
_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b")
"""A signature, wherever a server repeats it."""

_USER_IN_ADDRESS = re.compile(r"//[^/@\s]+@")


class Redactor:
    """Knows the secrets of one client. Safe to share between threads; its ``repr`` shows none.

    Args:
        secrets: The secrets known from the start.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms: tuple[str, ...] = ()
        self._beginnings: tuple[re.Pattern[str], ...] = ()
        self._lock = Lock()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Takes in a secret that came to be known later, such as a new token."""
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
                beginning = re.compile(re.escape(secret[:_BEGINNING]) + r"[^\s\"'<>]*")
                self._beginnings = (*self._beginnings, beginning)

    def clean(self, text: str, most: int = 200) -> str:
        """Makes a text of others fit to be told: without secrets, on one line, printable and short.

        Args:
            text: The text.
            most: Its greatest length.

        Returns:
            The text that may be told.
        """
        for form in self._forms:
            text = text.replace(form, INSTEAD)
        for beginning in self._beginnings:
            text = beginning.sub(INSTEAD, text)
        text = _DIGEST.sub(INSTEAD, _SIGNATURE.sub(rf"\1{INSTEAD}", text))
        text = _USER_IN_ADDRESS.sub(f"//{INSTEAD}@", text)
        # Escape sequences of a terminal are not printable either.
        text = "".join(character if character.isprintable() else " " for character in text)
        text = " ".join(text.split())
        return text if len(text) <= most else f"{text[: most - 3]}..."
