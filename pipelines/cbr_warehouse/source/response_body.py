"""From the body of an answer to the exact bytes of its records. Pure.

Whole bodies take one pass of a fast parser. What that refuses (a broken record, a lone surrogate)
is cut by ``json_slices``. A body of another shape is an error here, never an empty page.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from cbr_warehouse.source.broken_json import slice_array, slice_value

LIST_KEY = "operation_logs"
SHOW_KEY = "operation_log"

RECORD_KEYS = ("id", "created_at", "operation_type", "status")
"""Together they tell a record from whatever is nested in one."""

REQUIRED_KEYS = ("id", "created_at")
"""What no record can do without."""

_COUNT = re.compile(r"(\d{1,18})(?:\.0{1,18})?", re.ASCII)


@dataclass(frozen=True)
class Records:
    """The records of a body.

    Attributes:
        texts: The exact bytes of each.
        count: The body's own count, if it has a usable one.
        broken: Positions of those that are no JSON.
    """

    texts: tuple[bytes, ...]
    count: int | None = None
    broken: tuple[int, ...] = ()


class UnreadableBodyError(ValueError):
    """A body that gives no records.

    Attributes:
        is_cut_off: Whether it began well and its end is missing or garbled, so that the network or
            the server may do better next time; else it is an answer to something else.
    """

    def __init__(self, what: str, *, is_cut_off: bool) -> None:
        super().__init__(what)
        self.is_cut_off = is_cut_off


class _List(msgspec.Struct):
    operation_logs: list[msgspec.Raw]
    count: msgspec.Raw = msgspec.Raw(b"null")


class _Show(msgspec.Struct):
    operation_log: msgspec.Raw


_decode_list = msgspec.json.Decoder(_List).decode
_decode_show = msgspec.json.Decoder(_Show).decode


def read_list(body: bytes) -> Records:
    """Reads the answer to a list request.

    Args:
        body: The body.

    Returns:
        Its records.

    Raises:
        UnreadableBodyError: It is cut off, or no list of tasks.
    """
    try:
        found = _decode_list(body)
        return Records(tuple(map(bytes, found.operation_logs)), _read_count(bytes(found.count).strip(b'"')))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        slices = slice_array(body, LIST_KEY, RECORD_KEYS, REQUIRED_KEYS)
    if slices is None:
        raise _unreadable(body, LIST_KEY)
    texts = tuple(body[begin:end] for begin, end in slices.spans)
    return Records(texts, _read_count(slices.envelope.get("count")), slices.broken)


def read_show(body: bytes) -> Records:
    """Reads the answer to a request for one task.

    Args:
        body: The body.

    Returns:
        Its one record.

    Raises:
        UnreadableBodyError: It is cut off, or no task.
    """
    try:
        return Records((bytes(_decode_show(body).operation_log),))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = slice_value(body, SHOW_KEY)
    if found is None:
        raise _unreadable(body, SHOW_KEY)
    begin, end, is_sound = found
    return Records((body[begin:end],), broken=() if is_sound else (0,))


def _read_count(said: Any) -> int | None:
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else said
    match = _COUNT.fullmatch(text) if isinstance(text, str) else None
    return int(match[1]) if match else None


def _unreadable(body: bytes, key: str) -> UnreadableBodyError:
    if not body.strip():
        return UnreadableBodyError("the answer is empty", is_cut_off=True)
    if _is_json(body):
        return UnreadableBodyError(f"the answer is JSON without {key}", is_cut_off=False)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return UnreadableBodyError("the answer is cut off or garbled", is_cut_off=True)
    kind = "an HTML page" if b"<html" in body[:2000].lower() else "no JSON"
    return UnreadableBodyError(f"the answer is {kind}", is_cut_off=False)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
