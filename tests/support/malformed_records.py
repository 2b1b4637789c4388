"""Records that a correct source would never send: the bytes of each kind, served among good ones."""

import json
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
Spoil = Callable[[Record], bytes]

DEPTH = 20_000
"""Depth of nested lists: more than recursive parsers survive."""


def _text(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()


def _with(path: str, value: Any) -> Spoil:
    def spoil(record: Record) -> bytes:
        *folders, name = path.split(".")
        place = record
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
        return _text(record)

    return spoil


def _without(name: str) -> Spoil:
    return lambda record: _text({key: value for key, value in record.items() if key != name})


def _beginning_with(members: bytes) -> Spoil:
    """Inserts members before the record's own, as raw text."""
    return lambda record: b"{" + members + b"," + _text(record)[1:]


QUARANTINED: dict[str, Spoil] = {
    "broken JSON": lambda record: _text(record)[:-1] + b",}",
    "broken JSON, an unknown word": _beginning_with(b'"a":nope'),
    "not an object: a number": lambda _record: b"7",
    "not an object: a text": lambda record: json.dumps(record["id"]).encode(),
    "not an object: null": lambda _record: b"null",
    "not an object: a list": lambda record: b"[" + _text(record) + b"]",
    "no id": _without("id"),
    "an id that is null": _with("id", None),
    "no created_at": _without("created_at"),
    "wrong type: an object for a text": _with("status", {"code": 1}),
    "wrong type: a word for a number": _with("extra_info.common.progress", "nearly"),
    "wrong type: a fraction for a number": _with("extra_info.common.progress", 55.5),
    "wrong type: a list for a block": _with("extra_info", []),
    "a garbage time": _with("ended_at", "yesterday at noon"),
    "a garbage created_at": _with("created_at", "0000-00-00T00:00:00"),
    "a far-off time: 1970": _with("started_at", "1970-01-01T00:00:00"),
    "a far-off time: 9999": _with("created_at", "9999-12-31T23:59:59.999999"),
    "a huge number in a column": _with("extra_info.common.progress", 10**40),
    "NUL in a column": _with("vault_name", "a\x00b"),
    "a lone surrogate in a column": _with("vault_name", "a\ud800b"),
    "bytes that are no UTF-8": lambda record: _text(record).replace(b'"success"', b'"succ\xff\xfess"'),
}
"""Kinds that must be quarantined."""

HELD: dict[str, Spoil] = {
    "a megabyte of text": _with("error_info.message", "x" * 2**20),
    "a huge number in an unknown key": _with("shoe_size", 10**400),
    "a time of three digits and an offset": _with("ended_at", "2026-11-17T12:00:00.123+00:00"),
    "a number as text": _with("extra_info.common.progress", "100"),
    "a counter that is a list": _with(
        "extra_info.vault_delete", {"fail_count": ["a", "b"], "total_count": 3}
    ),
    "a boolean in quotes": _with("extra_info.backup", {"backup_id": "b", "incremental": '"true"'}),
    "an unknown status": _with("status", "in_progress"),
    "an unknown block": _with("extra_info.teleport", {"to": {"where": [1, {"x": None}]}}),
}
"""Kinds that look unusual and must be stored."""

EITHER: dict[str, Spoil] = {
    "duplicate keys": _beginning_with(b'"status":"failed","status":"success"'),
    "deep nesting": _beginning_with(b'"deep":' + b"[" * DEPTH + b"]" * DEPTH),
}
"""Kinds that may be stored or quarantined, but never lost."""

KINDS = QUARANTINED | HELD | EITHER
