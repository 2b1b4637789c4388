"""All that a report says, before it is laid out: every question asked once, with its query as run."""

from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Self
from zoneinfo import ZoneInfo

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.figures import Figure, find_figures
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
"""The questions whose rows are shown, beside the figures."""


@dataclass(frozen=True)
class QueryResult:
    """A question with its answer.

    Attributes:
        question: The question.
        query: Its query with the values it ran with.
        rows: The answer.
    """

    question: Question | None
    query: str
    rows: list[dict[str, Any]]

    @classmethod
    def nothing(cls) -> Self:
        """No question, no rows."""
        return cls(None, "", [])


@dataclass(frozen=True)
class ReportData:
    """All that a report says.

    Attributes:
        period: What it covers; None in a warehouse that no load has finished in.
        settings: What the analytics were set to.
        figures: The figures by name.
        asked: Questions and answers by name.
        verdict: The first sentences.
        evidence: (audit) Each exported table: ``name``, ``rows``.
    """

    period: Period | None
    settings: dict[str, Any]
    figures: dict[str, Figure]
    asked: dict[str, QueryResult]
    verdict: ReportVerdict
    evidence: list[dict[str, Any]] = field(default_factory=list)

    @property
    def zone(self) -> tzinfo:
        """The time zone that the report's times are shown in: that of its backup days."""
        return ZoneInfo(self.settings["timezone"])


def find(warehouse: Warehouse, length: Length, texts: Texts) -> ReportData:
    """Asks everything.

    Args:
        warehouse: The warehouse, which does not change meanwhile.
        length: How long the period is.
        texts: The words of the verdict.
    """
    settings = warehouse.settings
    period = newest_period(warehouse, length)
    if period is None:
        return ReportData(None, settings, {}, {}, judge(warehouse, None, {}, [], texts))
    figures = find_figures(warehouse, period)
    asked = {}
    for name in QUESTIONS:
        question = read_question(name)
        rows = question.ask(warehouse, period.parameters)
        asked[name] = QueryResult(question, question.filled(period.parameters), rows)
    verdict = judge(warehouse, period, figures, asked["completeness"].rows, texts)
    return ReportData(period, settings, figures, asked, verdict)
