"""What the body of a refusal says, in every shape seen in the wild. Pure.

CBR and its gateway write ``error_code``/``error_msg``, IAM nests ``error.code``/``error.message``
with a code that may be a number, others write ``code``/``message`` or ``errorCode``/``errorMsg``,
and whatever stands in front of them writes HTML or plain text.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_CODES = ("error_code", "errorCode", "code")
_MESSAGES = ("error_msg", "errorMsg", "message", "error_description", "title")
_SKIPPED = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MOST_READ = 20_000


@dataclass(frozen=True)
class ErrorBody:
    """What a refusal says. Not cleaned of secrets yet.

    Attributes:
        code: The error code.
        message: The message.
        request_id: The id under which the server knows the request.
        is_json: Whether a program wrote it for programs; HTML and text come from something else.
    """

    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    is_json: bool = False


def read_error(body: bytes) -> ErrorBody:
    """Reads what a refusal says; it never fails.

    Args:
        body: The body of the answer.

    Returns:
        What it says.
    """
    if not body.strip():
        return ErrorBody()
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ErrorBody(message=_plain(body[:_MOST_READ].decode(errors="replace")) or None)
    if not isinstance(found, dict):
        return ErrorBody(message=_text(found), is_json=True)
    inner = found.get("error")
    named = {**found, **inner} if isinstance(inner, dict) else found
    message = _first(named, _MESSAGES) or (inner if isinstance(inner, str) else None)
    return ErrorBody(_first(named, _CODES), message, _first(found, ("request_id", "requestId")), is_json=True)


def _first(named: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((text for key in keys if (text := _text(named.get(key)))), None)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:_MOST_READ].strip() or None


def _plain(text: str) -> str:
    if "<" not in text:
        return text.strip()
    title = _TITLE.search(text)
    if title and title[1].strip():
        return html.unescape(title[1].strip())
    return " ".join(html.unescape(_TAG.sub(" ", _SKIPPED.sub(" ", text))).split())
