"""Records that no sound source would send, among good ones: which tasks they are, and what they look like.

The source itself stays sound: a spoiled record is filtered, ordered and counted by what its task is; only
what is printed of it is broken. Every kind leaves the braces, brackets and quotes of a record in balance,
so that a reader who looks closely can tell where the next one begins.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbr_emulator.seeded_random import chance

DEPTH = 10_000
"""Of nested lists: deeper than what parsers that recurse survive."""

MEGABYTE = 2**20
USUAL_RATE = 0.02

Record = dict[str, Any]
Way = Callable[[bytes], bytes]


def _text(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()


def _with(path: str, value: Any) -> Way:
    def spoil(text: bytes) -> bytes:
        record: Record = json.loads(text)
        *folders, name = path.split(".")
        place = record
        for folder in folders:
            if not isinstance(place.get(folder), dict):
                place[folder] = {}
            place = place[folder]
        place[name] = value
        return _text(record)

    return spoil


def _without(name: str) -> Way:
    return lambda text: _text({key: value for key, value in json.loads(text).items() if key != name})


def _beginning_with(members: bytes) -> Way:
    """Members put before the record's own, character for character."""
    return lambda text: b"{" + members + b"," + text[1:]


def _as(value: Callable[[Record], Any]) -> Way:
    return lambda text: json.dumps(value(json.loads(text))).encode()


@dataclass(frozen=True)
class Kind:
    """A kind of bad record.

    Attributes:
        meaning: What is wrong with it.
        expect: What a reader has to do with it: quarantine it, hold it as it is, or either of these.
        ways: What is done to a record; which of them, its task decides.
    """

    meaning: str
    expect: str
    ways: tuple[Way, ...]


KINDS: Mapping[str, Kind] = {
    "broken_json": Kind(
        "No JSON: a comma too many, a word that is none, no comma.",
        "quarantine",
        (
            lambda text: text[:-1] + b",}",
            _beginning_with(b'"a":nope'),
            lambda text: text.replace(b',"', b' "', 1),
        ),
    ),
    "not_object": Kind(
        "A number, a text, null or a list where an object should be.",
        "quarantine",
        (_as(lambda _: 7), _as(lambda record: record["id"]), _as(lambda _: None), _as(lambda one: [one])),
    ),
    "missing_id": Kind("No id, or null for one.", "quarantine", (_without("id"), _with("id", None))),
    "wrong_type": Kind(
        "An object for a text, a word or a fraction for a number, a list for a block.",
        "quarantine",
        (
            _with("status", {"code": 1}),
            _with("extra_info.common.progress", "nearly"),
            _with("extra_info.common.progress", 55.5),
            _with("extra_info", []),
        ),
    ),
    "garbage_time": Kind(
        "A time that is none, created_at among them.",
        "quarantine",
        (
            _with("ended_at", "yesterday at noon"),
            _with("updated_at", "2026-13-45T99:00:00"),
            _with("created_at", "0000-00-00T00:00:00"),
        ),
    ),
    "far_time": Kind(
        "A time long before there were such sources, or long after today.",
        "quarantine",
        (
            _with("started_at", "1970-01-01T00:00:00"),
            _with("ended_at", "2999-01-01T00:00:00"),
            _with("created_at", "9999-12-31T23:59:59.999999"),
        ),
    ),
    "huge_number": Kind(
        "A progress of 41 digits.", "quarantine", (_with("extra_info.common.progress", 10**40),)
    ),
    "nul": Kind("NUL in the vault's name.", "quarantine", (_with("vault_name", "a\x00b"),)),
    "lone_surrogate": Kind(
        "Half a character in the vault's name.", "quarantine", (_with("vault_name", "a\ud800b"),)
    ),
    "bad_utf8": Kind(
        "Bytes that are no UTF-8 in the status.",
        "quarantine",
        (lambda text: text.replace(b'"status":"', b'"status":"\xff\xfe', 1),),
    ),
    "megabyte": Kind(
        "A megabyte of text as the message of an error: sound, but large.",
        "hold",
        (_with("error_info.message", "x" * MEGABYTE),),
    ),
    "duplicate_keys": Kind(
        "The key status twice, with two values.",
        "either",
        (_beginning_with(b'"status":"suspended"'),),
    ),
    "deep_nesting": Kind(
        f"{DEPTH:,} lists within each other, under an unknown key.",
        "either",
        (_beginning_with(b'"deep":' + b"[" * DEPTH + b"]" * DEPTH),),
    ),
}
"""All kinds."""


@dataclass(frozen=True)
class BadRecords:
    """Which tasks are spoiled, and how: a function of their ids and a seed.

    Attributes:
        rate: Which share of them.
        kinds: The kinds that they are of.
        seed: Another seed spoils others.
    """

    rate: float
    kinds: Sequence[str]
    seed: int

    def kind_of(self, task_id: object) -> str | None:
        """The kind of bad record that a task is served as; None for a sound one."""
        if chance(self.seed, "bad", task_id) >= self.rate:
            return None
        return self.kinds[int(chance(self.seed, "kind", task_id) * len(self.kinds))]

    def spoil(self, text: bytes, task_id: object) -> bytes:
        """The record as it is served."""
        kind = self.kind_of(task_id)
        if kind is None:
            return text
        ways = KINDS[kind].ways
        return ways[int(chance(self.seed, "way", task_id) * len(ways))](text)


NONE = BadRecords(0, tuple(KINDS), 0)
"""Leaves all records as they are."""
