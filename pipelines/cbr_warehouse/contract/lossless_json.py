"""JSON read without losing anything: digits of numbers, duplicate keys, lone surrogates.

The standard decoder with its hooks; a record reaches it only when it is not plain. What the
values mean to a column is ``coerce``'s responsibility.
"""

import json
import re
from json.encoder import encode_basestring_ascii
from typing import Any


class NumberText(str):
    """A JSON number as its exact digits."""

    __slots__ = ()


class NotJsonError(ValueError):
    """The text is no JSON, or JSON that says two things at once."""


def read_exact(text: str) -> Any:
    """Decodes JSON keeping numbers as :class:`NumberText`.

    Args:
        text: The JSON text.

    Returns:
        Objects as dict, arrays as list, numbers as NumberText, others as usual.

    Raises:
        NotJsonError: Not JSON, a key twice in one object, or nested too deeply to read.
    """
    try:
        return json.loads(
            text,
            parse_int=NumberText,
            parse_float=NumberText,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: {error.msg} at character {error.pos}") from None


def write_exact(value: Any) -> str:
    """Prints what :func:`read_exact` read, keys sorted, digits kept, in ASCII."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        parts = (f"{encode_basestring_ascii(key)}:{write_exact(value[key])}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_exact, value)) + "]"
    return {True: "true", False: "false", None: "null"}[value]


_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\]:,]', re.ASCII)


def first_texts(text: str) -> dict[str, str]:
    """The text members of the outermost object, as far as an invalid JSON text can be read.

    They identify the task of a malformed record. The first of duplicate keys counts, and nothing is read
    after the syntax error.

    >>> first_texts('{"id": "a", "x": {"id": "b"}, "created_at": "2026-01-01T00:00:00Z", oops')
    {'id': 'a', 'created_at': '2026-01-01T00:00:00Z'}

    Args:
        text: The broken record.

    Returns:
        Key to value, where both are plain text without escapes.
    """
    found: dict[str, str] = {}
    depth = 0
    before: list[str] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
        elif (
            depth == 1 and mark[0] == '"' and len(before) >= 2 and before[-1] == ":" and before[-2][0] == '"'
        ):
            found.setdefault(before[-2][1:-1], mark[1:-1])
        before = [*before[-1:], mark]
    return {key: value for key, value in found.items() if "\\" not in key + value}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJsonError(f"the key {encode_basestring_ascii(twice[:80])} stands twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise NotJsonError(f"not JSON: {name}")
