"""The first sentences: are the backups good, and if not, where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_reason import DayReason
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.formatting import count, moment, percent, span
from cbr_warehouse.report.key_figures import Figure
from cbr_warehouse.report.period import Period
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class ReportVerdict:
    """The overall result, at the top of the report.

    Attributes:
        level: ``good``, ``warn``, ``bad`` or ``empty``.
        sentences: The result first, then its reasons.
    """

    level: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Findings:
    """How many of what the result depends on."""

    unprotected: int
    partial: int
    mostly_failed: int
    missing_days: int
    unverified_days: int
    misses_target: bool


def judge(
    warehouse: Warehouse,
    period: Period | None,
    figures: dict[str, Figure],
    completeness: list[dict[str, Any]],
    texts: Texts,
) -> ReportVerdict:
    """Puts the figures into sentences.

    Bad: a resource was never backed up or fails repeatedly, days of data are incomplete or lost, fewer than
    half of the backup days were protected, or more than half of the resources have no recent enough recovery
    point. Warn: final success is below its target, some resource has no recent enough recovery point, a task
    succeeded only in part, a backup day counts as protected although most of its scheduled backups did not
    succeed, or days are unverified for another reason than the edge of retention. Good: none of these.

    Args:
        warehouse: The warehouse.
        period: The period, None where no load has finished.
        figures: The key figures by name.
        completeness: Rows of the query ``completeness``.
        texts: The words.
    """
    if period is None or not figures["never"].denominator:
        return ReportVerdict("empty", (texts("verdict", "empty"),))
    found = _Findings(
        unprotected=_count_unprotected(warehouse, period),
        partial=_count_partial(warehouse, period),
        mostly_failed=_count_mostly_failed(warehouse, period),
        missing_days=sum(
            row["days"] for row in completeness if row["state"] in {DayState.INCOMPLETE, DayState.LOST}
        ),
        unverified_days=sum(
            row["days"]
            for row in completeness
            if row["state"] == DayState.UNVERIFIED and row["reason"] != DayReason.EDGE_OF_RETENTION
        ),
        misses_target=_misses_target(figures["success"], warehouse),
    )
    level = _level(figures, found)
    return ReportVerdict(
        level, (texts("verdict", level), *_sentences(warehouse, period, figures, found, texts))
    )


def _misses_target(success: Figure, warehouse: Warehouse) -> bool:
    return success.value is not None and success.value < warehouse.settings["success_target"]


def _level(figures: dict[str, Figure], found: _Findings) -> str:
    success, never = figures["success"], figures["never"]
    is_mostly_bad = 2 * found.unprotected > never.denominator or 2 * success.numerator < success.denominator
    if never.numerator or figures["strikes"].numerator or found.missing_days or is_mostly_bad:
        return "bad"
    deserving = (found.unprotected, found.partial, found.mostly_failed, found.unverified_days)
    return "warn" if found.misses_target or any(deserving) else "good"


def _sentences(
    warehouse: Warehouse, period: Period, figures: dict[str, Figure], found: _Findings, texts: Texts
) -> Iterator[str]:
    settings = warehouse.settings
    yield _protected(figures["success"], texts)
    if found.misses_target:
        yield texts("verdict", "target", target=f"{100 * settings['success_target']:g} %")
    if period.begins_late:
        yield texts("verdict", "begins", at=moment(period.log_from_at, ZoneInfo(settings["timezone"])))
    counted: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("never", figures["never"].numerator, {}),
        ("strikes", figures["strikes"].numerator, {"strikes": settings["strikes"]}),
        ("unprotected", found.unprotected, {}),
        ("partial_success", found.partial, {}),
        ("mostly_failed", found.mostly_failed, {}),
        ("incomplete", found.missing_days, {}),
        ("unverified", found.unverified_days, {}),
    )
    for key, number, values in counted:
        if number:
            yield texts("verdict", key, n=count(number), **values)
    if left_out := _sources_left_out(warehouse):
        yield texts("verdict", "left_out", days=RETENTION.days, names=", ".join(left_out))
    if _has_no_policy(warehouse):
        yield texts("verdict", "no_policy", interval=span(settings["default_interval"]))


def _count_unprotected(warehouse: Warehouse, period: Period) -> int:
    query = "SELECT count(*) FILTER (is_unprotected_at_end) AS n FROM analytics.exposure($from_at, $to_at)"
    span = {"from_at": period.from_at, "to_at": period.to_at}
    return int(warehouse.sql(query, span, as_="arrow").to_pylist()[0]["n"])


def _count_partial(warehouse: Warehouse, period: Period) -> int:
    query = (
        "SELECT count(*) AS n FROM analytics.partial_success "
        "WHERE created_at >= $from_at AND created_at < $to_at"
    )
    span = {"from_at": period.from_at, "to_at": period.to_at}
    return int(warehouse.sql(query, span, as_="arrow").to_pylist()[0]["n"])


def _count_mostly_failed(warehouse: Warehouse, period: Period) -> int:
    # One success protects a day, so an hourly policy with 1 success of 24 has a final success of 100 %.
    query = (
        "SELECT count(*) AS n FROM analytics.resource_day WHERE backup_day >= $from_day "
        "AND backup_day < $to_day AND verdict = 'protected' AND 2 * scheduled_ok < scheduled_ended "
        "AND scheduled_ended > 2"
    )
    parameters = {name: period.parameters[name] for name in ("from_day", "to_day")}
    return int(warehouse.sql(query, parameters, as_="arrow").to_pylist()[0]["n"])


def _protected(success: Figure, texts: Texts) -> str:
    if success.value is None:
        return texts("verdict", "untried")
    protected, windows = count(success.numerator), count(success.denominator)
    return texts("verdict", "protected", protected=protected, windows=windows, rate=percent(success.value))


def _sources_left_out(warehouse: Warehouse) -> list[str]:
    query = "SELECT source FROM analytics.source_watermark WHERE NOT is_included ORDER BY source"
    return [row["source"] for row in warehouse.sql(query, as_="arrow").to_pylist()]


def _has_no_policy(warehouse: Warehouse) -> bool:
    query = "SELECT count(*) FILTER (schedule_id IS NOT NULL) AS n FROM analytics.resource"
    return not warehouse.sql(query, as_="arrow").to_pylist()[0]["n"]
