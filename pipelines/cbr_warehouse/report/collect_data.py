"""The data of a report before it is rendered: each query is run once, and its text kept with its values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import cached_property, partial
from typing import Any, Self
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.reader.warehouse import Warehouse
from cbr_warehouse.report.key_figures import Figure, compute_figures
from cbr_warehouse.report.options import WHOLE, ReportOptions, Scope
from cbr_warehouse.report.period import Period, find_period
from cbr_warehouse.report.period_name import PeriodName
from cbr_warehouse.report.queries import Question, read_question
from cbr_warehouse.report.scope import require_known
from cbr_warehouse.report.texts import Texts
from cbr_warehouse.report.verdict import ReportVerdict, empty_verdict, judge
from cbr_warehouse.warehouse.place import WarehousePlace

QUESTIONS = (
    "matters",
    "history",
    "changes",
    "trend",
    "causes_daily",
    "unprotected_daily",
    "offsite_curve",
    "incidents",
    "worst",
    "causes",
    "vaults",
    "findings",
    "completeness",
    "watermark",
)
"""The queries whose rows are shown, in addition to the figures."""

ESTATE = "estate"
"""The query that has rows where the inventory of a source is loaded."""

OF_INVENTORY = ("not_protected", "longest_unprotected", "tags")
"""Queries that are run as well where it has."""


@dataclass(frozen=True)
class QueryResult:
    """A query with its result.

    Attributes:
        question: The definition of the query.
        query: Its SQL with the parameters filled in.
        table: The result, which the data files of the report are written from.
    """

    question: Question | None
    query: str
    table: pa.Table

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The result as values by column."""
        return self.table.to_pylist()

    @classmethod
    def empty(cls) -> Self:
        """The result of no query."""
        return cls(None, "", pa.table({}))


@dataclass(frozen=True)
class ReportData:
    """The data of a report.

    Attributes:
        period: The period that it covers; None before the first finished load.
        settings: The settings of the analytics.
        figures: The key figures by name.
        results: Query results by name.
        verdict: The overall result.
        scope: What it is limited to.
    """

    period: Period | None
    settings: dict[str, Any]
    figures: dict[str, Figure]
    results: dict[str, QueryResult]
    verdict: ReportVerdict
    scope: Scope = WHOLE

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a query; none where it was not run."""
        return self.results[name].rows if name in self.results else []

    @property
    def zone(self) -> tzinfo:
        """The time zone that the report's times are shown in: that of its backup days."""
        return ZoneInfo(self.timezone)

    @property
    def timezone(self) -> str:
        """The name of that zone."""
        return self.period.timezone if self.period else str(self.settings["timezone"])

    @property
    def day_anchor(self) -> timedelta:
        """When its backup days begin, from midnight."""
        found: timedelta = self.period.day_anchor if self.period else self.settings["day_anchor"]
        return found


def collect_data(
    warehouse: Warehouse,
    name: PeriodName,
    texts: Texts,
    scope: Scope = WHOLE,
    queries: Iterable[str] = QUESTIONS,
    of_inventory: Iterable[str] = OF_INVENTORY,
) -> ReportData:
    """Runs all queries of a report.

    Args:
        warehouse: The warehouse, opened once, so that all queries see the same data.
        name: The period.
        texts: The words of the verdict.
        scope: What the report is limited to.
        queries: Names of the queries to run, in addition to the figures.
        of_inventory: Names of those to run as well where an inventory is loaded, besides ``estate``.

    Raises:
        UsageError: The warehouse has no such source, vault or policy, or nothing of the period.
    """
    settings = warehouse.settings
    require_known(warehouse, scope)
    period = find_period(warehouse, name, scope)
    if period is None:
        return ReportData(None, settings, {}, {}, empty_verdict(texts), scope)
    figures = compute_figures(warehouse, period, scope)
    answer = partial(_answer, warehouse, period, scope)
    results = {query: answer(query) for query in queries}
    estate = answer(ESTATE)
    if estate.rows:
        results |= {ESTATE: estate} | {query: answer(query) for query in of_inventory}
    rows_of = {query: result.rows for query, result in results.items()}
    verdict = judge(period, settings, figures, rows_of, texts, scope)
    return ReportData(period, settings, figures, results, verdict, scope)


def _answer(warehouse: Warehouse, period: Period, scope: Scope, query: str) -> QueryResult:
    question = read_question(query, scope)
    table = question.run(warehouse, period.parameters)
    return QueryResult(question, question.filled(period.parameters), table)


def collect_from(
    opened: Warehouse,
    place: WarehousePlace,
    options: ReportOptions,
    texts: Texts,
    queries: Iterable[str] = QUESTIONS,
    of_inventory: Iterable[str] = OF_INVENTORY,
) -> ReportData:
    """As ``collect_data``, of a published file that another version may have written.

    Args:
        opened: The warehouse.
        place: Its file, or the DuckLake.
        options: Period and scope.
        texts: The words of the verdict.
        queries: Names of the queries to run, in addition to the figures.
        of_inventory: Names of those to run as well where an inventory is loaded, besides ``estate``.

    Raises:
        WarehouseError: The file lacks what the report reads.
        UsageError: The warehouse has no such source, vault or policy, or nothing of the period.
    """
    try:
        return collect_data(opened, options.period, texts, options.scope, queries, of_inventory)
    except WarehouseError as error:
        # The queries are ours: a table or column that is missing was not known to who published the file.
        if isinstance(error.__cause__, duckdb.CatalogException | duckdb.BinderException):
            raise WarehouseError(
                f"{place} was published by another version of cbr-warehouse, which lacks what the report "
                "reads. Run 'cbr-warehouse load' or 'cbr-warehouse rebuild' once, then report again."
            ) from error
        raise
