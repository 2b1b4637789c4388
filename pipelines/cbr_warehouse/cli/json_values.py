"""Values of a query as JSON has them: times RFC 3339 in UTC with six digits, numbers digit for digit."""

import codecs
import json
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, singledispatch
from typing import Any

from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.contract.visible_text import is_hidden

_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")
"""Characters that JSON leaves as they are and that may be hidden ones."""


def to_json(value: Any) -> str:
    """JSON of what ``plain`` made, on one line."""
    return _encode()(value).decode()


@cache
def _encode() -> Callable[[Any], bytes]:
    import msgspec  # no table of texts and whole numbers needs it, and it is slow to import

    return msgspec.json.Encoder(decimal_format="number").encode


def write_json(text: str) -> None:
    """Writes JSON to stdout; what its encoding lacks, or could steer a terminal, as JSON's own escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    if sys.stdout.isatty():
        text = _NOT_PLAIN.sub(_escape_hidden, text)
    sys.stdout.write(text.encode(encoding, "json_escape").decode(encoding))


def _escape_hidden(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if is_hidden(found[0]) else found[0]


def print_json(value: Any) -> None:
    """Prints what ``plain`` made as indented JSON on stdout."""
    write_json(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _escape_for_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return json.dumps(lacking)[1:-1], error.end


codecs.register_error("json_escape", _escape_for_json)


@singledispatch
def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no form for becomes its text."""
    return str(value)


@plain.register(type(None))
@plain.register(bool)
@plain.register(int)
@plain.register(str)
@plain.register(Decimal)
def _as_it_is(value: Any) -> Any:
    return value


@plain.register
def _float(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


@plain.register
def _instant(value: datetime) -> str:
    return print_instant(value if value.tzinfo else value.replace(tzinfo=UTC))


@plain.register(date)
@plain.register(time)
def _iso(value: date | time) -> str:
    return value.isoformat()


@plain.register
def _span(value: timedelta) -> float:
    return value.total_seconds()


@plain.register
def _bytes(value: bytes) -> str:
    return value.hex()


@plain.register(list)
@plain.register(tuple)
def _array(value: Any) -> list[Any]:
    return [plain(item) for item in value]


@plain.register
def _object(value: dict) -> dict[str, Any]:  # type: ignore[type-arg]  # singledispatch takes no parametrized type
    return {str(plain(key)): plain(item) for key, item in value.items()}
