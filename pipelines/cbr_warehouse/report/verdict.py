"""The first sentences: are the backups good, and if not, where."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.figures import Figure
from cbr_warehouse.report.formatting import count, moment, percent, span
from cbr_warehouse.report.period import Period
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class ReportVerdict:
    """What a reader must know at once.

    Attributes:
        level: ``good``, ``warn``, ``bad`` or ``empty``.
        sentences: The judgement first, then what it rests on.
    """

    level: str
    sentences: tuple[str, ...]


def judge(
    warehouse: Warehouse,
    period: Period | None,
    figures: dict[str, Figure],
    completeness: list[dict[str, Any]],
    texts: Texts,
) -> ReportVerdict:
    """Puts the figures into sentences.

    Bad: a resource was never backed up or fails again and again, the log misses days, or of backup days or
    resources fewer than half are well. Warn: final success misses its target, some resource has no recent
    enough recovery point, or days are not proved complete. Good: none of these.

    Args:
        warehouse: The warehouse.
        period: The period, None where no load has finished.
        figures: The five figures.
        completeness: Rows of the question ``completeness``.
        texts: The words.
    """
    if period is None or not figures["never"].denominator:
        return ReportVerdict("empty", (texts("verdict", "empty"),))
    success, never, strikes = figures["success"], figures["never"], figures["strikes"]
    unprotected = _count_unprotected(warehouse, period)
    missing = sum(row["days"] for row in completeness if row["state"] in {"incomplete", "lost"})
    # At the edge of retention there is nothing to warn of.
    unproved = sum(
        row["days"]
        for row in completeness
        if row["state"] == "unverified" and row["reason"] != "edge_of_retention"
    )
    target = warehouse.settings["success_target"]
    zone = ZoneInfo(warehouse.settings["timezone"])
    misses = success.value is not None and success.value < target
    sentences = [_protected(success, texts)]
    if misses:
        sentences.append(texts("verdict", "target", target=f"{100 * target:g} %"))
    if period.begins_late:
        sentences.append(texts("verdict", "begins", at=moment(period.log_from_at, zone)))
    found: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("never", never.numerator, {}),
        ("strikes", strikes.numerator, {"strikes": warehouse.settings["strikes"]}),
        ("unprotected", unprotected, {}),
        ("incomplete", missing, {}),
        ("unverified", unproved, {}),
    )
    sentences += [texts("verdict", key, n=count(n), **more) for key, n, more in found if n]
    if left_out := _sources_left_out(warehouse):
        sentences.append(texts("verdict", "left_out", days=RETENTION.days, names=", ".join(left_out)))
    if _has_no_policy(warehouse):
        interval = span(warehouse.settings["default_interval"])
        sentences.append(texts("verdict", "no_policy", interval=interval))
    mostly = 2 * unprotected <= never.denominator and 2 * success.numerator >= success.denominator
    bad = never.numerator or strikes.numerator or missing or not mostly
    level = "bad" if bad else "warn" if misses or unprotected or unproved else "good"
    return ReportVerdict(level, (texts("verdict", level), *sentences))


def _count_unprotected(warehouse: Warehouse, period: Period) -> int:
    query = "SELECT count(*) FILTER (is_unprotected_at_end) AS n FROM analytics.exposure($from_at, $to_at)"
    span = {"from_at": period.from_at, "to_at": period.to_at}
    return int(warehouse.sql(query, span, as_="arrow").to_pylist()[0]["n"])


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
