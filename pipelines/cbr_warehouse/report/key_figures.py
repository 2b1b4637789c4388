"""The key figures: each with its parts, the values of earlier periods and the direction that is better."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.earlier_periods import Rank, earlier_parameters, rank
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
        earlier: The values of the periods before, the oldest first; None for one that the data does not
            cover, or whose denominator is 0.
        show: Formats a value.
        more_is_better: Whether an increase is good.
        query: Its SQL with the parameters filled in.
        table: What that returned, which the data files of the report are written from.
    """

    question: Question
    value: float | None
    numerator: float
    denominator: float
    earlier: tuple[float | None, ...]
    show: Callable[[float | None], str]
    more_is_better: bool
    query: str
    table: pa.Table

    @property
    def name(self) -> str:
        """Its name, and that of its section in the texts."""
        return self.question.name

    @property
    def is_share(self) -> bool:
        """Whether it is a share, which is shown with both its parts."""
        return self.show is percent

    @property
    def before(self) -> float | None:
        """The value of the previous period."""
        return self.earlier[-1] if self.earlier else None

    @property
    def rank(self) -> Rank | None:
        """How it compares with the earlier periods; None without two of them."""
        known = [value for value in self.earlier if value is not None]
        return None if self.value is None else rank(self.value, known, more_is_better=self.more_is_better)

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
    ("recovery", hours, False),
    ("made_good", percent, True),
)


def compute_figures(warehouse: Warehouse, period: Period, scope: Scope) -> dict[str, Figure]:
    """Computes the key figures of a period, and of those before.

    Args:
        warehouse: The warehouse.
        period: The period.
        scope: What they are limited to.

    Returns:
        The figures by name, in the order in which they are shown.
    """
    earlier, found = earlier_parameters(warehouse, period), {}
    for name, show, more_is_better in _FIGURES:
        question = read_question(name, scope)
        table = question.run(warehouse, period.parameters)
        (now,) = table.to_pylist()
        before = [None if span is None else question.run(warehouse, span).to_pylist()[0] for span in earlier]
        found[name] = Figure(
            question,
            _value(now),
            now["numerator"],
            now["denominator"],
            tuple(None if row is None else _value(row) for row in before),
            show,
            more_is_better,
            question.filled(period.parameters),
            table,
        )
    return found


def _value(row: dict[str, float]) -> float | None:
    return row["value"] if row["denominator"] else None
