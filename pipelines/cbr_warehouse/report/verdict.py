"""The verdict: must somebody act today, should somebody watch, or are the backups fine, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.report.findings import Finding, Grade, weigh
from cbr_warehouse.report.formatting import count, moment, percent
from cbr_warehouse.report.key_figures import Figure
from cbr_warehouse.report.options import WHOLE, Scope
from cbr_warehouse.report.period import Period
from cbr_warehouse.report.texts import Texts


@dataclass(frozen=True)
class ReportVerdict:
    """The overall result, at the top of the report.

    Attributes:
        level: ``act``, ``watch``, ``fine`` or ``empty``.
        sentences: The result first, then its reasons.
        findings: What it rests on, each with its limits.
    """

    level: str
    sentences: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def empty_verdict(texts: Texts) -> ReportVerdict:
    """The verdict where there is nothing to judge."""
    return ReportVerdict("empty", (texts("verdict", "empty"),))


def judge(
    period: Period,
    settings: dict[str, Any],
    figures: dict[str, Figure],
    results: dict[str, list[dict[str, Any]]],
    texts: Texts,
    scope: Scope = WHOLE,
) -> ReportVerdict:
    """Grades the period by its worst finding, see ``findings``, and says why.

    Args:
        period: The period.
        settings: The settings of the analytics.
        figures: The key figures by name.
        results: Rows of the queries ``findings`` and ``watermark``, by name.
        texts: The words.
        scope: What the report is limited to.
    """
    if not figures["never"].denominator:
        return empty_verdict(texts)
    rows = [row for row in results["findings"] if _is_weighed(row, scope)]
    findings = weigh(figures["success"], rows, settings)
    level = max((one.grade for one in findings), default=Grade.FINE)
    counted = {row["finding"]: row for row in results["findings"]}
    left_out = [row["source"] for row in results["watermark"] if row["is_left_out"]]
    sentences = _sentences(period, settings, figures, findings, texts)
    remarks = _remarks(settings, counted["unscheduled"], left_out, texts)
    return ReportVerdict(level.word, (_result(level, findings, texts), *sentences, *remarks), tuple(findings))


def _is_weighed(row: dict[str, Any], scope: Scope) -> bool:
    """Whether a finding counts: without an inventory nothing is known of what has no protection.

    Nor does it count where the report is limited to vaults or policies, of which it has none.
    """
    return row["finding"] != "not_protected" or (row["total"] > 0 and not scope.is_of_resources)


def _result(level: Grade, findings: list[Finding], texts: Texts) -> str:
    """The grade in words; of the worst one with what made it so."""
    if level is not Grade.ACT:
        return texts("verdict", level.word)
    reasons = (texts("act", one.name) for one in findings if one.grade is level)
    return texts("verdict", "act", reasons=texts("changes", "comma").join(reasons))


def _sentences(
    period: Period,
    settings: dict[str, Any],
    figures: dict[str, Figure],
    findings: list[Finding],
    texts: Texts,
) -> Iterator[str]:
    yield _protected(figures["success"], texts)
    found = {one.name: one for one in findings}
    if found["success"].grade > Grade.FINE and figures["success"].value is not None:
        yield texts("verdict", "target", target=f"{100 * settings['success_target']:g} %")
    if period.begins_late:
        yield texts("verdict", "begins", at=moment(period.log_from_at, ZoneInfo(period.timezone)))
    strikes = {"strikes": settings["strikes"]}
    counted: tuple[tuple[str, str, float, dict[str, Any]], ...] = (
        ("never", "unprotected", figures["never"].numerator, {}),
        ("strikes", "persistent", figures["strikes"].numerator, strikes),
        (
            "persistent",
            "persistent",
            found["persistent"].n,
            strikes | {"after": texts.span(settings["persistent_after"])},
        ),
        ("unprotected", "unprotected", found["unprotected"].n, {}),
        ("partial_success", "partial", found["partial"].n, {}),
        ("mostly_failed", "mostly_failed", found["mostly_failed"].n, {}),
        ("incomplete", "missing", found["missing"].n, {}),
        ("unverified", "unverified", found["unverified"].n, {}),
    )
    # What made the verdict first. What has no protection is said with the reasons by ``estate``.
    for key, _, number, values in sorted(counted, key=lambda one: -found[one[1]].grade):
        if number:
            yield texts("verdict", key, n=count(number), **values)


def _remarks(
    settings: dict[str, Any], unscheduled: dict[str, Any], left_out: list[str], texts: Texts
) -> Iterator[str]:
    if left_out:
        yield texts("verdict", "left_out", days=RETENTION.days, names=", ".join(left_out))
    if unscheduled["total"] and unscheduled["n"] == unscheduled["total"]:
        yield texts("verdict", "no_policy", interval=texts.span(settings["default_interval"]))


def _protected(success: Figure, texts: Texts) -> str:
    if success.value is None:
        return texts("verdict", "untried")
    protected, windows = count(success.numerator), count(success.denominator)
    return texts("verdict", "protected", protected=protected, windows=windows, rate=percent(success.value))
