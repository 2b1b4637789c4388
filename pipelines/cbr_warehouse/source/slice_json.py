"""Cuts an array inside a JSON object into the exact texts of its elements, even if one is not JSON.

Pure and without knowledge of HTTP or records, except for the keys by which an element is recognized.
Valid texts are cut as a strict parser would. After a broken element the next one is found by what
follows it: the rest of the text is valid, or an element looks like the others, or brackets close.
A text whose array has no certain end, such as one that was cut off, is never cut at all: a page that
lost records without a trace would be worse than none.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_SEPARATOR = re.compile(r"[,\]]")
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)
_BARE = re.compile(r"""[^\s,"\[\]{}]+""")
_OPENED_BY = {"}": "{", "]": "["}

_PAGING = frozenset({"count", "limit", "offset"})
"""Keys that the API writes beside its arrays, and never in a record."""


@dataclass(frozen=True)
class Slices:
    """Positions of the elements of an array.

    Attributes:
        spans: Begin and end of each element, in order.
        broken: Indices of the elements that are not JSON.
        envelope: The other keys of the object around the array; numbers as they are printed.
    """

    spans: tuple[tuple[int, int], ...]
    broken: tuple[int, ...]
    envelope: dict[str, Any]


def slice_array(
    body: bytes, key: str, known_by: Collection[str], required: Collection[str] = ()
) -> Slices | None:
    """Cuts the array under a key of a JSON object into its elements.

    Args:
        body: The object's text.
        key: The array's key.
        known_by: Keys that together distinguish an element from an object nested in one.
        required: Those of them that every element has. They identify an element where brackets do
            not; empty where they are not known.

    Returns:
        The elements, or None where the object, its array or the array's end cannot be determined.
    """
    # One character per byte: positions are kept, and invalid UTF-8 does not matter.
    return _Cutter(body.decode("latin-1"), frozenset(known_by), frozenset(required)).cut(key)


def slice_value(body: bytes, key: str) -> tuple[int, int, bool] | None:
    """Finds the value under a key of a JSON object.

    Args:
        body: The object's text.
        key: The key.

    Returns:
        Begin and end of the value, and whether it is JSON; None where it cannot be determined.
    """
    return _Cutter(body.decode("latin-1"), frozenset()).find(key)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


# Numbers stay texts: Python refuses to convert integers of more than 4,300 digits.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


@dataclass(frozen=True)
class _Element:
    """The element at a position of the array.

    Attributes:
        end: Where it ends.
        stop: Position of the comma or bracket after it.
        is_sound: Whether it is JSON.
        is_certain: Whether from here on it is certain to be the array's own level, not that of
            something nested in a record that was cut off.
    """

    end: int
    stop: int
    is_sound: bool
    is_certain: bool


@dataclass
class _Cutter:
    text: str
    known_by: frozenset[str]
    required: frozenset[str] = frozenset()
    is_certain: bool = True
    """Whether the next position is certain to be on the array's own level."""
    unsound: set[int] = field(default_factory=set)
    """Positions from which the rest of the text is known to be invalid; keeps the search linear."""

    def cut(self, key: str) -> Slices | None:
        opened = self._open(key)
        if opened is None or not self.text.startswith("[", opened[0]):
            return None
        at, envelope = self._skip(opened[0] + 1), opened[1]
        spans: list[tuple[int, int]] = []
        broken: list[int] = []
        while True:
            element = self._sound_element(at) or self._broken_element(at)
            if element is None:
                return None
            self.is_certain = element.is_certain
            if element.end > at:  # there is no element between the commas of "[1,,2]"
                if not element.is_sound:
                    broken.append(len(spans))
                spans.append((at, element.end))
            if self.text[element.stop] == "]":
                after = self._close(element.stop + 1, is_certain=self.is_certain) or {}
                if not self.is_certain and after.keys().isdisjoint(_PAGING):
                    return None
                return Slices(tuple(spans), tuple(broken), envelope | after)
            at = self._skip(element.stop + 1)

    def find(self, key: str) -> tuple[int, int, bool] | None:
        opened = self._open(key)
        if opened is None:
            return None
        begin = opened[0]
        value = self._value(begin)
        end = value[1] if value else self._balanced_end(begin)
        if end is None or self._close(end, is_certain=True) is None:
            return None
        return begin, end, value is not None

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _value(self, at: int) -> tuple[Any, int] | None:
        """The JSON value that begins here and its end; None if no valid value begins here."""
        try:
            return _decoder.raw_decode(self.text, at)
        except (ValueError, RecursionError):
            return None

    def _open(self, key: str) -> tuple[int, dict[str, Any]] | None:
        """Where the value of a key begins, and the keys that come before it."""
        at = self._skip(3 if self.text.startswith("\xef\xbb\xbf") else 0)
        before: dict[str, Any] = {}
        while self.text.startswith(("{", ",") if not before else ",", at):
            name = self._value(self._skip(at + 1))
            if name is None or not isinstance(name[0], str):
                return None
            colon = self._skip(name[1])
            if not self.text.startswith(":", colon):
                return None
            at = self._skip(colon + 1)
            if name[0] == key:
                return at, before
            value = self._value(at)
            if value is None:
                return None
            before[name[0]] = value[0]
            at = self._skip(value[1])
        return None

    def _close(self, at: int, *, is_certain: bool) -> dict[str, Any] | None:
        """The keys between here and the end of the text; None where that is not the end of an object.

        Where it is not certain that the array ended here, a list or object among them may be the rest
        of the array with records in it.
        """
        after: dict[str, Any] = {}
        at = self._skip(at)
        while self.text.startswith(",", at):
            name = self._value(self._skip(at + 1))
            if name is None or not isinstance(name[0], str):
                return None
            colon = self._skip(name[1])
            value = self._value(self._skip(colon + 1)) if self.text.startswith(":", colon) else None
            if value is None or (isinstance(value[0], dict | list) and not is_certain):
                return None
            after[name[0]] = value[0]
            at = self._skip(value[1])
        is_end = self.text.startswith("}", at) and self._skip(at + 1) == len(self.text)
        return after if is_end else None

    def _sound_element(self, at: int) -> _Element | None:
        if self.text.startswith("]", at) and self._close(at + 1, is_certain=self.is_certain) is not None:
            # An empty array, or a comma too many.
            return _Element(at, at, is_sound=True, is_certain=self.is_certain)
        value = self._value(at)
        if value is None:
            return None
        stop = self._skip(value[1])
        is_certain = self._is_known(value[0]) or self.is_certain
        if self.text.startswith(",", stop) or (
            self.text.startswith("]", stop) and self._close(stop + 1, is_certain=is_certain) is not None
        ):
            return _Element(value[1], stop, is_sound=True, is_certain=is_certain)
        return None

    def _broken_element(self, at: int) -> _Element | None:
        """The extent of an element that is not JSON: up to the first separator that can only be the array's.

        A broken element may contain any comma or bracket, so that each one after it is a candidate, and
        must be confirmed by what follows it. Where none is confirmed there is no element: guessing would
        merge or lose records.
        """
        # Brackets and quotes are evidence, not proof: the damage may have removed one of them.
        balanced = self._balanced_end(at)
        balanced_stop = None if balanced is None else self._skip(balanced)
        is_closed = balanced_stop is not None and self.text.startswith((",", "]"), balanced_stop)
        for match in _SEPARATOR.finditer(self.text, at):
            stop = match.start()
            if match[0] == "]":
                # The end of the array, or of a list nested in the broken element? The array's is followed
                # by keys that no record has; without such keys its own balanced brackets must say so.
                is_own = self.is_certain and stop == balanced_stop
                after = self._close(stop + 1, is_certain=False)
                if after is None or (after.keys().isdisjoint(_PAGING) and not is_own):
                    continue
            # A comma where the brackets balance ends the element; any other one only if what follows it is
            # certain to be an element of the array and not a later part of this one.
            elif stop != balanced_stop and not self._begins_element(
                self._skip(stop + 1), is_nested=is_closed and stop < (balanced_stop or 0)
            ):
                continue
            end = at + len(self.text[at:stop].rstrip(" \t\n\r"))
            # An element closed by its own brackets leaves nothing open, so that the next "]" cannot be the
            # end of a list nested in it. After any other end the level is uncertain until an element is
            # recognized by its keys.
            is_certain = self.is_certain and stop == balanced_stop
            return _Element(end, stop, is_sound=False, is_certain=is_certain)
        return None

    def _is_known(self, value: Any) -> bool:
        return isinstance(value, dict) and self.known_by <= value.keys()

    def _balanced_end(self, at: int) -> int | None:
        """The end of the value here by its brackets and quotes alone; None where they do not match."""
        bare = _BARE.match(self.text, at)
        if bare:
            return bare.end()
        opened: list[str] = []
        for match in _STRUCTURE.finditer(self.text, at):
            mark = match[0]
            if mark in "[{":
                opened.append(mark)
            elif mark in "]}":
                if not opened or opened.pop() != _OPENED_BY[mark]:
                    return None
            elif mark == '"':  # a string without an end
                return None
            if not opened:
                return match.end()
        return None

    def _begins_element(self, at: int, *, is_nested: bool) -> bool:
        """Whether an element of the array, not a part of the broken one, is certain to begin here.

        It is nested where the brackets of the broken one, if they can be trusted, enclose it.
        """
        value = self._value(at)
        if value is None or not isinstance(value[0], dict):
            return False
        if not self.text.startswith((",", "]"), self._skip(value[1])):
            return False
        is_like_others = bool(self.required) and self.required <= value[0].keys() and not is_nested
        return self._is_known(value[0]) or is_like_others or self._is_rest_sound(at)

    def _is_rest_sound(self, at: int) -> bool:
        passed: list[int] = []
        while at not in self.unsound:
            passed.append(at)
            value = self._value(at)
            if value is None:
                break
            stop = self._skip(value[1])
            if self.text.startswith("]", stop) and self._close(stop + 1, is_certain=False) is not None:
                return True
            if not self.text.startswith(",", stop):
                break
            at = self._skip(stop + 1)
        self.unsound.update(passed)
        return False
