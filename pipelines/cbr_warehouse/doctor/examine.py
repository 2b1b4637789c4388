"""Examines one source: checks first, then one behaviour after another, each with its own evidence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cbr_warehouse.doctor.finding import Diagnosis, Finding, State
from cbr_warehouse.doctor.inventory import check_inventory
from cbr_warehouse.doctor.name_and_provider_filters import find_left_out, find_names
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.paging import ALL, find_count, find_limit, find_offset
from cbr_warehouse.doctor.prerequisites import (
    CLOCK,
    GET,
    QUOTA,
    check_clock,
    check_configuration,
    check_contact,
    check_quota,
    check_showing,
    not_done,
)
from cbr_warehouse.doctor.probe import MAX_REQUESTS, REFUSED, Probe, ProbeBudgetError, Reply
from cbr_warehouse.doctor.record_formats import (
    find_absent_values,
    find_counters,
    find_incremental,
    find_time_form,
)
from cbr_warehouse.doctor.retention import find_retention
from cbr_warehouse.doctor.sort_order import find_order
from cbr_warehouse.doctor.time_filter import find_bounds, find_columns
from cbr_warehouse.errors import PermanentSourceError, SourceError
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.query import TaskQuery

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clocks:
    """The clocks of an examination.

    Attributes:
        now: The current time, UTC.
        monotonic: Seconds that never run backwards.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


def examine(source: SourceSettings, client: CbrClient, clocks: Clocks) -> Diagnosis:
    """Examines a source. Makes a bounded number of requests and writes nothing.

    Args:
        source: The source.
        client: Its client.
        clocks: The clocks.

    Returns:
        The results; the failure of a source is among them, not raised.
    """
    scope = TaskQuery(enterprise_project_id=next(iter(source.enterprise_project_ids), None))
    probe = Probe(client, scope)
    began_at = clocks.monotonic()
    checks = [check_configuration(source.project_id)]
    findings: tuple[Finding, ...] = ()
    try:
        reply = _first_list(probe)
        arrived_at = clocks.now()
    except SourceError as error:
        logger.debug("%s cannot be examined", source.name, exc_info=True)
        contact = check_contact(error)
        failed = next(check.name for check in contact if check.state is State.FAILED)
        checks += [*contact, *(not_done(name, failed) for name in (GET, CLOCK, QUOTA))]
    else:
        clock = check_clock(reply.served_at, arrived_at)
        checks += [*check_contact(None), check_showing(probe, reply), clock]
        checks += check_inventory(source, client)
        findings = tuple(_Examination(probe, reply.served_at or arrived_at).findings())
        seconds = clocks.monotonic() - began_at
        checks.append(check_quota(client.requests_made, seconds, client.rate_limited_requests))
    return Diagnosis(source.name, tuple(checks), findings, client.requests_made, MAX_REQUESTS)


def _first_list(probe: Probe) -> Reply:
    reply = probe.ask(ALL, 1)
    if reply.refusal is not None:
        # A limit of 1 without filters cannot be wrong by itself.
        raise PermanentSourceError(reply.refusal, REFUSED)
    return reply


class _Examination:
    """Finds out one behaviour after another; one that cannot be found out does not stop the rest."""

    def __init__(self, probe: Probe, now: datetime) -> None:
        self._probe = probe
        self._now = now
        self._rows: tuple[Row, ...] = ()
        self._first = Reply("", 1)

    def findings(self) -> list[Finding]:
        """All findings, in the order they are shown."""
        probe = self._probe
        found = [
            self._try("limit above the maximum", self._limit),
            self._try("count", lambda: find_count(probe, self._first)),
            self._try("offset", lambda: find_offset(probe)),
            self._try("order", self._order),
        ]
        columns = self._try("columns of start_time and end_time", lambda: find_columns(probe, self._rows))
        return [
            *found,
            columns,
            self._try("bounds", lambda: find_bounds(probe, self._rows, columns.verdict)),
            self._try("names in filters", lambda: find_names(probe, self._rows)),
            self._try("providers left out of lists", lambda: find_left_out(probe, self._rows)),
            self._try("retention", lambda: find_retention(probe, self._rows, self._now)),
            find_time_form(self._rows),
            find_absent_values(self._rows),
            self._try("backup.incremental", lambda: find_incremental(probe, self._rows)),
            self._try("counters of vault_delete", lambda: find_counters(probe, self._rows)),
        ]

    def _limit(self) -> Finding:
        paging = find_limit(self._probe)
        self._first, self._rows = paging.first, paging.first.rows
        return paging.finding

    def _order(self) -> Finding:
        finding, rows = find_order(self._probe, self._first)
        self._rows = rows
        return finding

    def _try(self, behaviour: str, find: Callable[[], Finding]) -> Finding:
        try:
            return find()
        except ProbeBudgetError as error:
            return Finding(behaviour, None, f"Not found out: {error}.")
        except SourceError as error:
            return Finding(behaviour, None, f"Not found out: {error}")
