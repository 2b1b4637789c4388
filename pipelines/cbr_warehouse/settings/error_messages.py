"""Converts pydantic's validation errors into problems with messages for users, without values of secrets."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.settings.durations import print_duration, show
from cbr_warehouse.settings.field_types import REPORTED_ELSEWHERE
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.problems import ConfigProblem
from cbr_warehouse.settings.schedules import Schedule
from cbr_warehouse.settings.thresholds import Thresholds

_SHOWN = {"history", "settle", "rpo_grace", "strikes", "max_requests_per_second"}
"""Keys whose values may appear in a message; any other value could be a misplaced secret."""

_BOUNDS = {
    "greater_than": ("gt", "is not more than"),
    "greater_than_equal": ("ge", "is less than"),
    "less_than": ("lt", "is not less than"),
    "less_than_equal": ("le", "is more than"),
}
"""Pydantic's error types for bounds, the key of the bound in the error, and our wording."""

_TABLES: dict[str, type[BaseModel]] = {
    "": Settings,
    "sources": SourceSettings,
    "accounts": AccountSettings,
    "schedules": Schedule,
    "exceptions": ControlException,
    "thresholds": Thresholds,
    "alerts": Alerts,
}

_NAMED = {"sources": "source", "accounts": "account"}
"""Tables with names of their own, and what they are called."""

_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (list, "a list"),
    (dict, "a table"),
    ((date, time), "a date or time without quotes"),
)


def problems_of(errors: Sequence[ErrorDetails], raw: Mapping[str, Any], place: str) -> list[ConfigProblem]:
    """Converts the errors of a validation.

    Args:
        errors: Pydantic's errors.
        raw: The validated data, for the names of its sources.
        place: Name of the configuration.

    Returns:
        A problem for each error that is not reported elsewhere.
    """
    return [_problem(error, raw, place) for error in errors if error["type"] != REPORTED_ELSEWHERE]


def key_of(loc: Sequence[int | str], raw: Mapping[str, Any]) -> str:
    """Formats the location of a key: ``sources[0].endpoint (source prod-eu)``.

    Args:
        loc: Table names, list positions and keys.
        raw: The parsed configuration.

    Returns:
        The formatted key.
    """
    key = ""
    for step in loc:
        shown = step if isinstance(step, int) or len(step) <= 40 else f"{step[:12]}..."
        key += f"[{shown}]" if isinstance(step, int) else f".{shown}" if key else f"{shown}"
    owner = _owner(loc, raw)
    return f"{key} ({owner})" if owner else key


def _owner(loc: Sequence[int | str], raw: Mapping[str, Any]) -> str | None:
    """The source or account that a key belongs to: ``source prod-eu``."""
    kind = _NAMED.get(str(loc[0])) if loc else None
    tables = raw.get(str(loc[0])) if kind else None
    if len(loc) < 2 or not isinstance(loc[1], int) or not isinstance(tables, list):
        return None
    table = tables[loc[1]]
    name = table.get("name") if isinstance(table, dict) else None
    plain = (
        isinstance(name, str) and 0 < len(name) <= 63 and name.replace("-", "").isalnum() and name.isascii()
    )
    return f"{kind} {name}" if plain else None


def _problem(error: ErrorDetails, raw: Mapping[str, Any], place: str) -> ConfigProblem:
    loc = error["loc"]
    top = str(loc[0]) if loc else ""  # of no key, where several do not fit together
    table = _TABLES.get(top if len(loc) > 1 else "", Settings)
    if error["type"] == "extra_forbidden":
        return _unknown_key(loc, table, raw, place)
    field = next((str(step) for step in reversed(loc) if step in table.model_fields), top)
    # For a table as a whole, describe what its key in the parent table allows.
    known = table.model_fields.get(field) or Settings.model_fields.get(top)
    allowed = known.description if known else None
    return ConfigProblem(
        place, key_of(loc, raw), _describe(error, field), allowed or "see docs/configuration.md"
    )


def _describe(error: ErrorDetails, field: str) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    value = error["input"]
    if error["type"] in _BOUNDS:
        bound, comparison = _BOUNDS[error["type"]]
        return f"{_number(value)} {comparison} {error['ctx'][bound]}"
    if error["type"].endswith(("_type", "_parsing")) or not isinstance(value, str | int | float):
        named = next((name for kind, name in _TYPES if isinstance(value, kind)), "something else")
        return f"found {named}"
    return f"{show(value)} is not allowed" if field in _SHOWN else "the value is not allowed"


def _number(value: object) -> str:
    return show(print_duration(value) if isinstance(value, timedelta) else value)


def _unknown_key(
    loc: Sequence[int | str], table: type[BaseModel], raw: Mapping[str, Any], place: str
) -> ConfigProblem:
    key, known = str(loc[-1]), list(table.model_fields)
    near = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    allowed = f"the keys {', '.join(known)}"
    if table in {SourceSettings, AccountSettings} and key in Settings.model_fields:
        wrong = f"{key} is a key of the top level: move it above the first [table]"
    elif table is AccountSettings and key in {"project_id", "region", "token"}:
        wrong = f"{key} is a key of a source: an account finds its projects and their regions"
    elif table is Settings and key in SourceSettings.model_fields:
        wrong = f"{key} is a key of a source: move it below a [[sources]]"
    elif key in Thresholds.model_fields:
        wrong = f"{key} is a threshold: move it below [thresholds]"
    elif near:
        wrong = f"unknown key (did you mean {near[0]}?)"
    else:
        wrong = "unknown key"
    return ConfigProblem(place, key_of(loc, raw), wrong, allowed)
