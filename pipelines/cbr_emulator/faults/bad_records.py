"""Malformed records among good ones: the kinds, and which tasks they affect.

Filtering, ordering and counting use the good record of a task; only its serialized form is bad. Every
kind leaves braces, brackets and quotes balanced, so a careful reader can find where the next record begins.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbr_emulator.seeded_random import seeded_fraction

DEPTH = 10_000
"""Depth of nested lists: more than recursive parsers survive."""

MEGABYTE = 2**20
DEFAULT_RATE = 0.02

Record = dict[str, Any]
Corruption = Callable[[bytes], bytes]


def _text(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()


def _set_value(path: str, value: Any) -> Corruption:
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


def _remove_key(name: str) -> Corruption:
    return lambda text: _text({key: value for key, value in json.loads(text).items() if key != name})


def _insert_members(members: bytes) -> Corruption:
    """Inserts members before the record's own, as raw text."""
    return lambda text: b"{" + members + b"," + text[1:]


def _replace_record(value: Callable[[Record], Any]) -> Corruption:
    return lambda text: json.dumps(value(json.loads(text))).encode()


@dataclass(frozen=True)
class Kind:
    """A kind of bad record.

    Attributes:
        meaning: What is wrong with it.
        expect: What a reader should do: quarantine it, hold it unchanged, or either.
        corruptions: Functions that corrupt a record; the task's id selects one.
    """

    meaning: str
    expect: str
    corruptions: tuple[Corruption, ...]


KINDS: Mapping[str, Kind] = {
    "broken_json": Kind(
        "Invalid JSON: an extra comma, an unknown literal, a missing comma.",
        "quarantine",
        (
            lambda text: text[:-1] + b",}",
            _insert_members(b'"a":nope'),
            lambda text: text.replace(b',"', b' "', 1),
        ),
    ),
    "not_object": Kind(
        "A number, string, null or list instead of an object.",
        "quarantine",
        (
            _replace_record(lambda _: 7),
            _replace_record(lambda record: record["id"]),
            _replace_record(lambda _: None),
            _replace_record(lambda one: [one]),
        ),
    ),
    "missing_id": Kind(
        "The id is missing or null.", "quarantine", (_remove_key("id"), _set_value("id", None))
    ),
    "wrong_type": Kind(
        "An object instead of a string, a word or fraction instead of an integer, a list instead of a block.",
        "quarantine",
        (
            _set_value("status", {"code": 1}),
            _set_value("extra_info.common.progress", "nearly"),
            _set_value("extra_info.common.progress", 55.5),
            _set_value("extra_info", []),
        ),
    ),
    "garbage_time": Kind(
        "An invalid time, also in created_at.",
        "quarantine",
        (
            _set_value("ended_at", "yesterday at noon"),
            _set_value("updated_at", "2026-13-45T99:00:00"),
            _set_value("created_at", "0000-00-00T00:00:00"),
        ),
    ),
    "far_time": Kind(
        "A time far in the past or far in the future.",
        "quarantine",
        (
            _set_value("started_at", "1970-01-01T00:00:00"),
            _set_value("ended_at", "2999-01-01T00:00:00"),
            _set_value("created_at", "9999-12-31T23:59:59.999999"),
        ),
    ),
    "huge_number": Kind(
        "A progress of 41 digits.", "quarantine", (_set_value("extra_info.common.progress", 10**40),)
    ),
    "nul": Kind("NUL in the vault's name.", "quarantine", (_set_value("vault_name", "a\x00b"),)),
    "lone_surrogate": Kind(
        "A lone surrogate in the vault's name.", "quarantine", (_set_value("vault_name", "a\ud800b"),)
    ),
    "bad_utf8": Kind(
        "Invalid UTF-8 in the status.",
        "quarantine",
        (lambda text: text.replace(b'"status":"', b'"status":"\xff\xfe', 1),),
    ),
    "megabyte": Kind(
        "An error message of one megabyte: valid, but large.",
        "hold",
        (_set_value("error_info.message", "x" * MEGABYTE),),
    ),
    "duplicate_keys": Kind(
        "The key status twice, with different values.",
        "either",
        (_insert_members(b'"status":"suspended"'),),
    ),
    "deep_nesting": Kind(
        f"{DEPTH:,} nested lists under an unknown key.",
        "either",
        (_insert_members(b'"deep":' + b"[" * DEPTH + b"]" * DEPTH),),
    ),
}
"""All kinds by name."""


@dataclass(frozen=True)
class BadRecords:
    """Selects the tasks whose records are bad, as a function of their ids and a seed.

    Attributes:
        rate: Share of tasks.
        kinds: Kinds to choose from.
        seed: Another seed selects other tasks.
    """

    rate: float
    kinds: Sequence[str]
    seed: int

    def kind_of(self, task_id: object) -> str | None:
        """The kind of bad record of a task; None for a good one."""
        if seeded_fraction(self.seed, "bad", task_id) >= self.rate:
            return None
        return self.kinds[int(seeded_fraction(self.seed, "kind", task_id) * len(self.kinds))]

    def spoil(self, text: bytes, task_id: object) -> bytes:
        """The record as it is served."""
        kind = self.kind_of(task_id)
        if kind is None:
            return text
        corruptions = KINDS[kind].corruptions
        return corruptions[int(seeded_fraction(self.seed, "way", task_id) * len(corruptions))](text)


NONE = BadRecords(0, tuple(KINDS), 0)
"""Leaves all records unchanged."""
