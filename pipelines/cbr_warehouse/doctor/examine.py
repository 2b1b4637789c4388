"""Examines one source: checks first, then one behaviour after the other, each with its own evidence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cbr_warehouse.doctor.checks import (
    CLOCK,
    GET,
    QUOTA,
    REACH,
    check_clock,
    check_contact,
    check_quota,
    check_showing,
    not_done,
)
from cbr_warehouse.doctor.filters import find_left_out, find_names
from cbr_warehouse.doctor.finding import Check, Diagnosis, Finding, State
from cbr_warehouse.doctor.paging import ALL, find_count, find_limit, find_offset
from cbr_warehouse.doctor.probe import MOST_QUESTIONS, Probe, ProbeBudgetError, Reply
from cbr_warehouse.doctor.record_formats import (
    find_absent_values,
    find_counters,
    find_incremental,
    find_time_form,
)
from cbr_warehouse.doctor.retention import find_retention
from cbr_warehouse.doctor.rows import Row
from cbr_warehouse.doctor.sort_order import find_order
from cbr_warehouse.doctor.time_filter import find_bounds, find_columns
from cbr_warehouse.errors import SourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.query import TaskQuery

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clocks:
    """What an examination reads time from.

    Attributes:
        now: The present, UTC.
        monotonic: Seconds that never run backwards.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


def examine(source: SourceSettings, client: CbrClient, clocks: Clocks) -> Diagnosis:
    """Examines a source. Asks a bounded number of questions and writes nothing.

    Args:
        source: The source.
        client: Its client.
        clocks: Time.

    Returns:
        What was found; a source that failed is told there, not raised.
    """
    scope = TaskQuery(enterprise_project_id=next(iter(source.enterprise_project_ids), None))
    questions = Probe(client, scope)
    begun = clocks.monotonic()
    checks = [Check("configuration", State.OK, "It can be read, and its secrets can be had.")]
    findings: tuple[Finding, ...] = ()
    try:
        reply = questions.ask(ALL, 1)
        contact = check_contact(_refused(reply))
        arrived_at = clocks.now()
    except SourceError as error:
        logger.debug("%s cannot be asked", source.name, exc_info=True)
        checks += check_contact(error)
        checks += [not_done(name, REACH) for name in (GET, CLOCK, QUOTA)]
    else:
        checks += [*contact, check_showing(questions, reply), check_clock(reply.served_at, arrived_at)]
        if reply.refusal is None:
            findings = tuple(_Examination(questions, reply.served_at or arrived_at).findings())
        seconds = clocks.monotonic() - begun
        checks.append(check_quota(client.requests_made, seconds, client.rate_limited_requests))
    return Diagnosis(source.name, tuple(checks), findings, client.requests_made, MOST_QUESTIONS)


def _refused(reply: Reply) -> SourceError | None:
    return SourceError(reply.refusal, 400) if reply.refusal is not None else None


class _Examination:
    """Finds out one behaviour after the other; what cannot be found out does not stop the rest."""

    def __init__(self, questions: Probe, now: datetime) -> None:
        self._questions = questions
        self._now = now
        self._rows: tuple[Row, ...] = ()
        self._first = Reply("", 1)

    def findings(self) -> list[Finding]:
        """All findings, in the order that a reader wants them."""
        questions = self._questions
        found = [
            self._try("limit above the maximum", self._limit),
            self._try("count", lambda: find_count(questions, self._first)),
            self._try("offset", lambda: find_offset(questions)),
            self._try("order", self._order),
        ]
        columns = self._try("columns of start_time and end_time", lambda: find_columns(questions, self._rows))
        return [
            *found,
            columns,
            self._try("bounds", lambda: find_bounds(questions, self._rows, columns.verdict)),
            self._try("names in filters", lambda: find_names(questions, self._rows)),
            self._try("providers left out of lists", lambda: find_left_out(questions, self._rows)),
            self._try("retention", lambda: find_retention(questions, self._rows, self._now)),
            find_time_form(self._rows),
            find_absent_values(self._rows),
            self._try("backup.incremental", lambda: find_incremental(questions, self._rows)),
            self._try("counters of vault_delete", lambda: find_counters(questions, self._rows)),
        ]

    def _limit(self) -> Finding:
        paging = find_limit(self._questions)
        self._first, self._rows = paging.first, paging.first.rows
        return paging.finding

    def _order(self) -> Finding:
        finding, rows = find_order(self._questions, self._first)
        self._rows = rows
        return finding

    def _try(self, behaviour: str, find: Callable[[], Finding]) -> Finding:
        try:
            return find()
        except ProbeBudgetError as error:
            return Finding(behaviour, None, f"Not found out: {error}.")
        except SourceError as error:
            return Finding(behaviour, None, f"Not found out: {error}")
