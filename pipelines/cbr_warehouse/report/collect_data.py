"""The data of a report before it is rendered: each query is run once, and its text kept with its values."""

from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Self
from zoneinfo import ZoneInfo

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.key_figures import Figure, compute_figures
from cbr_warehouse.report.options import Length
from cbr_warehouse.report.period import Period, newest_period
from cbr_warehouse.report.queries import Question, read_question
from cbr_warehouse.report.texts import Texts
from cbr_warehouse.report.verdict import ReportVerdict, judge

QUESTIONS = (
    "changes",
    "worst",
    "causes",
    "vaults",
    "trend",
    "causes_daily",
    "completeness",
    "watermark",
)
"""The queries whose rows are shown, in addition to the figures."""


@dataclass(frozen=True)
class QueryResult:
    """A query with its result.

    Attributes:
        question: The definition of the query.
        query: Its SQL with the parameters filled in.
        rows: The result.
    """

    question: Question | None
    query: str
    rows: list[dict[str, Any]]

    @classmethod
    def empty(cls) -> Self:
        """The result of no query."""
        return cls(None, "", [])


@dataclass(frozen=True)
class ReportData:
    """The data of a report.

    Attributes:
        period: The period that it covers; None before the first finished load.
        settings: The settings of the analytics.
        figures: The key figures by name.
        results: Query results by name.
        verdict: The overall result.
        evidence: (audit) Each exported table: ``name``, ``rows``.
    """

    period: Period | None
    settings: dict[str, Any]
    figures: dict[str, Figure]
    results: dict[str, QueryResult]
    verdict: ReportVerdict
    evidence: list[dict[str, Any]] = field(default_factory=list)

    @property
    def zone(self) -> tzinfo:
        """The time zone that the report's times are shown in: that of its backup days."""
        return ZoneInfo(self.settings["timezone"])


def collect_data(warehouse: Warehouse, length: Length, texts: Texts) -> ReportData:
    """Runs all queries of a report.

    Args:
        warehouse: The warehouse, opened once, so that all queries see the same data.
        length: The length of the period.
        texts: The words of the verdict.
    """
    settings = warehouse.settings
    period = newest_period(warehouse, length)
    if period is None:
        return ReportData(None, settings, {}, {}, judge(warehouse, None, {}, [], texts))
    figures = compute_figures(warehouse, period)
    results = {}
    for name in QUESTIONS:
        question = read_question(name)
        rows = question.run(warehouse, period.parameters)
        results[name] = QueryResult(question, question.filled(period.parameters), rows)
    verdict = judge(warehouse, period, figures, results["completeness"].rows, texts)
    return ReportData(period, settings, figures, results, verdict)
