"""The five key figures: each with numerator, denominator, previous value and the direction that is better."""

from collections.abc import Callable
from dataclasses import dataclass

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.formatting import count, hours, percent, rounded_percent
from cbr_warehouse.report.options import Scope
from cbr_warehouse.report.period import Period
from cbr_warehouse.report.queries import Question, read_question


@dataclass(frozen=True)
class Figure:
    """One key figure of a period.

    Attributes:
        question: The definition of the query.
        value: The value; None if the denominator is 0.
        numerator: The numerator.
        denominator: The denominator.
        before: The value of the previous period; None if the data does not cover all of it.
        show: Formats a value.
        more_is_better: Whether an increase is good.
        query: Its SQL with the parameters filled in.
    """

    question: Question
    value: float | None
    numerator: float
    denominator: float
    before: float | None
    show: Callable[[float | None], str]
    more_is_better: bool
    query: str

    @property
    def name(self) -> str:
        """Its name, and that of its section in the texts."""
        return self.question.name

    @property
    def delta(self) -> float | None:
        """How it changed; None where either is missing."""
        return None if self.value is None or self.before is None else self.value - self.before

    def shown_delta(self, points: str = "pp") -> str:
        """The change with its sign, between the values as they are shown; of shares in percentage points.

        Args:
            points: The unit of those in the report's language.
        """
        if self.value is None or self.before is None:
            return "–"
        if self.show is percent:
            shown = f"{rounded_percent(self.value) - rounded_percent(self.before):+.2f} {points}"
        elif self.show is hours:
            shown = f"{round(self.value, 1) - round(self.before, 1):+,.1f} h"
        else:
            shown = f"{round(self.value) - round(self.before):+,}"
        return shown if _says_something(shown) else shown.replace("+", "±").replace("-", "±")

    @property
    def mood(self) -> str:
        """``better``, ``worse`` or ``same``."""
        if self.delta is None or not _says_something(self.shown_delta()):
            return "same"
        return "better" if (self.delta > 0) == self.more_is_better else "worse"


def _says_something(shown: str) -> bool:
    return any(digit in shown for digit in "123456789")


_FIGURES: tuple[tuple[str, Callable[[float | None], str], bool], ...] = (
    ("success", percent, True),
    ("unprotected", hours, False),
    ("never", count, False),
    ("strikes", count, False),
    ("offsite", hours, False),
)


def compute_figures(warehouse: Warehouse, period: Period, scope: Scope) -> dict[str, Figure]:
    """Computes the key figures of a period, and of the one before.

    Args:
        warehouse: The warehouse.
        period: The period.
        scope: What they are limited to.

    Returns:
        The figures by name, in the order in which they are shown.
    """
    found = {}
    for name, show, more_is_better in _FIGURES:
        question = read_question(name, scope)
        now = question.run(warehouse, period.parameters)[0]
        before = question.run(warehouse, period.parameters_before)[0]
        found[name] = Figure(
            question,
            now["value"] if now["denominator"] else None,
            now["numerator"],
            now["denominator"],
            before["value"] if period.has_before and before["denominator"] else None,
            show,
            more_is_better,
            question.filled(period.parameters),
        )
    return found
