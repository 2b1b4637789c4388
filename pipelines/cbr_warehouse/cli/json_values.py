"""Values of a query as JSON has them: times RFC 3339 in UTC with six digits, numbers digit for digit."""

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import singledispatch
from typing import Any

import msgspec

from cbr_warehouse.contract.timestamps import print_instant

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def to_json(value: Any) -> str:
    """JSON of what ``plain`` made, on one line."""
    return _ENCODER.encode(value).decode()


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
