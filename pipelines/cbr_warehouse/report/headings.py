"""What a report is about, in words: its period and what it is limited to."""

from typing import Any

from cbr_warehouse.report.collect_data import ReportData
from cbr_warehouse.report.formatting import abbreviate, moment
from cbr_warehouse.report.options import Scope
from cbr_warehouse.report.texts import Texts


def describe_period(data: ReportData, texts: Texts) -> str:
    """The period with its begin and end; empty before the first finished load.

    Args:
        data: The report's data.
        texts: The words.
    """
    period = data.period
    if period is None:
        return ""
    span = describe_span(data, texts)
    if period.name.is_newest:
        return texts("period", period.name.unit, span=span)
    said = texts("calendar", period.name.unit, name=period.name.text, span=span)
    if period.is_cut and period.name.after:
        said += texts("calendar", "cut", n=(period.name.after - period.to_day).days)
    return said


def describe_span(data: ReportData, texts: Texts) -> str:
    """Begin and end of the period in the report's time zone; empty before the first finished load.

    Args:
        data: The report's data.
        texts: The words.
    """
    if data.period is None:
        return ""
    return texts(
        "header",
        "span",
        from_at=moment(data.period.from_at, data.zone),
        to_at=moment(data.period.to_at, data.zone),
        timezone=data.timezone,
        anchor=clock(data.day_anchor),
    )


def clock(anchor: Any) -> str:
    """A time of day given from midnight, as hours and minutes."""
    return str(anchor).rpartition(":")[0]


def describe_scope(scope: Scope, texts: Texts) -> str:
    """What a report is limited to, in a sentence; empty where nothing is left out.

    Args:
        scope: The limits.
        texts: The words.
    """
    if scope.is_whole:
        return ""
    parts = (("sources", scope.sources), ("vaults", scope.vaults), ("policies", scope.policies))
    comma = texts("scope", "comma")
    named = [
        texts("scope", key, names=comma.join(abbreviate(name) for name in names))
        for key, names in parts
        if names
    ]
    said = texts("scope", "only", what=texts("scope", "joined").join(named))
    return f"{said} {texts('scope', 'resources')}" if scope.is_of_resources else said
