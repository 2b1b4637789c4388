"""From the body of a response to the exact bytes of its records.

Well-formed bodies take one pass of a fast parser. Bodies that it refuses (a damaged record, a lone
surrogate) are cut by ``slice_json``. A body of another form is an error here, never an empty page.

A damaged record is a question of whom to believe: networks garble at random, a server the same way
each time. So it is accepted as the source's own once several responses to one request contained the
very same text; until then, and where a body gives no records at all, another attempt is requested.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.contract.inventory_lists import ID_KEY, InventoryEndpoint
from cbr_warehouse.errors import PermanentSourceError, TransientSourceError
from cbr_warehouse.source.retry import MalformedResponseError
from cbr_warehouse.source.slice_json import slice_array, slice_value

ACCEPTED_AFTER = 3
"""Responses that must agree on a damaged record: if one of ten is garbled, two agree too often."""

MAX_GARBLED = 8
"""Garbled responses before a request fails: networks garble some, but not so many."""

MAX_OF_ANOTHER_FORM = 4
"""The same for complete responses that contain no tasks, which rarely get better by repeating."""

_COUNT = re.compile(r"(\d{1,18})(?:\.0{1,18})?", re.ASCII)


@dataclass(frozen=True)
class Records:
    """The records of a body.

    Attributes:
        texts: The exact bytes of each.
        count: The body's own count; None where it is missing or unusable.
        broken: Positions of those that are not JSON.
    """

    texts: tuple[bytes, ...]
    count: int | None = None
    broken: tuple[int, ...] = ()


class UnreadableBodyError(ValueError):
    """A body that gives no records.

    Attributes:
        is_cut_off: Whether it begins well and its end is missing or garbled, so that another attempt
            may succeed; otherwise it is the response to something else.
    """

    def __init__(self, what: str, *, is_cut_off: bool) -> None:
        super().__init__(what)
        self.is_cut_off = is_cut_off


class GarbledResponseVote:
    """The damaged records of all responses to one request. For one thread.

    Args:
        expected: What the responses should contain, for messages.
    """

    def __init__(self, expected: str = "tasks") -> None:
        self._expected = expected
        self._seen: Counter[bytes] = Counter()

    def read(self, body: bytes, read_body: Callable[[bytes], Records]) -> Records:
        """Reads the body of one more response to the request.

        Args:
            body: The body.
            read_body: Finds its records.

        Returns:
            Its records; each damaged one among them was in ``ACCEPTED_AFTER`` responses.

        Raises:
            MalformedResponseError: Another attempt is needed.
        """
        try:
            records = read_body(body)
        except UnreadableBodyError as error:
            what, is_cut_off = str(error), error.is_cut_off
        else:
            if not records.broken:
                return records
            broken = {records.texts[position] for position in records.broken}
            self._seen.update(broken)
            if all(self._seen[text] >= ACCEPTED_AFTER for text in broken):
                return records
            what, is_cut_off = f"{len(broken)} of its records are not JSON, and others each time", True
        raise _malformed(what, self._expected, is_cut_off=is_cut_off)


def _malformed(what: str, expected: str, *, is_cut_off: bool) -> MalformedResponseError:
    if is_cut_off:
        return MalformedResponseError(
            f"gave an answer that cannot be read ({what})",
            "Try again later; if it stays so, a proxy or the service garbles its responses.",
            max_attempts=MAX_GARBLED,
            final=TransientSourceError,
        )
    return MalformedResponseError(
        f"gave no list of {expected} ({what})",
        "Check the endpoint of the source; the sign-in page of a network or a proxy looks like that.",
        max_attempts=MAX_OF_ANOTHER_FORM,
        final=PermanentSourceError,
    )


class _List(msgspec.Struct):
    records: list[msgspec.Raw] | None = msgspec.field(name=TASKS.list_key)
    count: msgspec.Raw = msgspec.Raw(b"null")


class _Show(msgspec.Struct):
    record: msgspec.Raw = msgspec.field(name=TASKS.show_key)


_decode_list = msgspec.json.Decoder(_List).decode
_decode_show = msgspec.json.Decoder(_Show).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw] | None).decode


def read_list(body: bytes, offset: int = 0) -> Records:
    """Reads the response to a list request.

    Args:
        body: The body.
        offset: The offset of the request. Services written in Go print a list without elements as null:
            that is an empty page where the body's own count says that nothing follows the offset.

    Raises:
        UnreadableBodyError: It is cut off, or not a list of tasks.
    """
    try:
        page = _decode_list(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _slice_records(body, TASKS.list_key, TASKS.record_keys, TASKS.required_keys)
    return _listed(page.records, page.count, TASKS.list_key, offset)


def read_inventory(body: bytes, endpoint: InventoryEndpoint, offset: int = 0) -> Records:
    """Reads the response to a request for a page of an inventory.

    Args:
        body: The body.
        endpoint: The list.
        offset: As of :func:`read_list`.

    Raises:
        UnreadableBodyError: It is cut off, or not that list.
    """
    try:
        page = _decode_object(body)
        records = _decode_array(page[endpoint.list_key])
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _slice_records(body, endpoint.list_key, endpoint.record_keys, (ID_KEY,))
    return _listed(records, page.get("count", b""), endpoint.list_key, offset)


def _slice_records(
    body: bytes, key: str, record_keys: tuple[str, ...], required_keys: tuple[str, ...]
) -> Records:
    """The records of a body that is not, as a whole, the JSON expected; some of them may be damaged."""
    slices = slice_array(body, key, record_keys, required_keys)
    if slices is None:
        raise _unreadable(body, key) from None
    texts = tuple(body[begin:end] for begin, end in slices.spans)
    return Records(texts, _parse_count(slices.envelope.get("count")), slices.broken)


def _listed(records: list[msgspec.Raw] | None, printed_count: bytes, key: str, offset: int) -> Records:
    """The records of a body that was read, and its count; null where nothing follows is no records."""
    count = _parse_count(bytes(printed_count).strip(b'"'))
    if records is not None:
        return Records(tuple(map(bytes, records)), count)
    if count is None or count > offset:
        counted = "without a count" if count is None else f"with count {count} at offset {offset}"
        raise UnreadableBodyError(f"the answer is JSON whose {key} is null {counted}", is_cut_off=False)
    return Records((), count)


def read_show(body: bytes) -> Records:
    """Reads the response to a request for one task: one record.

    Raises:
        UnreadableBodyError: It is cut off, or not a task.
    """
    try:
        return Records((bytes(_decode_show(body).record),))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        span = slice_value(body, TASKS.show_key)
    if span is None:
        raise _unreadable(body, TASKS.show_key)
    begin, end, is_sound = span
    return Records((body[begin:end],), broken=() if is_sound else (0,))


def _parse_count(value: Any) -> int | None:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    match = _COUNT.fullmatch(text) if isinstance(text, str) else None
    return int(match[1]) if match else None


def _unreadable(body: bytes, key: str) -> UnreadableBodyError:
    if not body.strip():
        return UnreadableBodyError("the answer is empty", is_cut_off=True)
    if _is_json(body):
        return UnreadableBodyError(f"the answer is JSON without {key}", is_cut_off=False)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return UnreadableBodyError("the answer is cut off or garbled", is_cut_off=True)
    kind = "an HTML page" if b"<html" in body[:2000].lower() else "not JSON"
    return UnreadableBodyError(f"the answer is {kind}", is_cut_off=False)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
