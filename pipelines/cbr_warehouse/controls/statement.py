"""The statement of a control, filled in: anybody can run it on the published warehouse."""

from collections.abc import Iterable
from datetime import UTC, datetime
from string import Template

from cbr_warehouse.controls.catalogue import Control, read_frame
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.storage.sql_text import literal

_COLUMNS = "control, source, resource, reason, until"

_NO_EXCEPTIONS = (
    "(SELECT NULL::VARCHAR AS control, NULL::VARCHAR AS source, NULL::VARCHAR AS resource, "
    "NULL::VARCHAR AS reason, NULL::DATE AS until WHERE false)"
)


def fill_statement(control: Control, exceptions: Iterable[ControlException], now: datetime) -> str:
    """The statement that gives the verdict and the evidence of a control.

    Args:
        control: The control.
        exceptions: All exceptions, of whatever control.
        now: The time of the check, UTC.

    Returns:
        One SELECT without parameters.
    """
    moment = now.astimezone(UTC)
    values = {
        "now": f"TIMESTAMPTZ {literal(moment.isoformat())}",
        "today": f"DATE {literal(moment.date().isoformat())}",
        "exceptions": _rows(exceptions),
    }
    window = "INTERVAL 0 DAY" if control.window is None else f"to_seconds(epoch({control.window}))"
    frame = {
        "control": control.name,
        "window": window,
        "needs_days": str(control.needs_days).lower(),
        "query": Template(control.query).substitute(values),
    }
    return Template(read_frame()).substitute(values | frame)


def _rows(exceptions: Iterable[ControlException]) -> str:
    rows = [
        f"({literal(one.control)}, {_text(one.source)}, {_text(one.resource)}, {literal(one.reason)}, "
        f"DATE {literal(one.until.isoformat())})"
        for one in exceptions
    ]
    if not rows:
        return _NO_EXCEPTIONS
    return f"(SELECT {_COLUMNS} FROM (VALUES {', '.join(rows)}) AS v ({_COLUMNS}))"


def _text(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else literal(value)
