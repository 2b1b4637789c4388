"""Scopes: what one list without filters may leave out, asked for with a filter of its own.

Lists may hide tasks of other enterprise projects, and one version of the documents gave the
filter by provider a default, under which tasks of all other providers are absent.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cbr_warehouse.contract.api_facts import PROVIDERS
from cbr_warehouse.contract.timestamps import parse_instant
from cbr_warehouse.contract.utc_days import day_of
from cbr_warehouse.errors import PermanentSourceError
from cbr_warehouse.extract.pagination import REFUSED
from cbr_warehouse.extract.plan import PAD, Plan, Purpose, Sweep
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.query import TaskQuery

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 100
"""Tasks of a provider looked at, to see whether unfiltered lists have them."""

PROBES = 3
"""Of those that did not come, how many are looked for by themselves."""


def scopes_of(source: SourceSettings, hidden_providers: tuple[str, ...]) -> tuple[TaskQuery, ...]:
    """The scopes that every query of a source is asked within.

    Args:
        source: The source.
        hidden_providers: Providers that an earlier load found absent from unfiltered lists.
    """
    projects = [TaskQuery(enterprise_project_id=one) for one in source.enterprise_project_ids] or [
        TaskQuery()
    ]
    hidden = [replace(project, provider_id=one) for project in projects for one in hidden_providers]
    return (*projects, *hidden)


def sweep_providers(gathering: SweepRunner, plan: Plan, progress: Callable[[int], None]) -> tuple[str, ...]:
    """Carries out a plan's sweeps, and again for providers that unfiltered lists turn out to hide.

    Whether they do is found out by samples: some tasks of each provider, asked for beforehand,
    must be among what the sweeps bring. An incremental load relies on the last deep one for it.

    Args:
        gathering: The load's asking; its scopes are extended by what is found.
        plan: The load's plan.
        progress: Called with the records each page brought.

    Returns:
        All providers known to be hidden.

    Raises:
        SourceError: The source failed.
    """
    known = {scope.provider_id for scope in gathering.scopes if scope.provider_id}
    samples = {}
    if plan.purpose is not Purpose.INCREMENTAL:
        samples = {one: _sample(gathering, one, plan.since) for one in PROVIDERS if one not in known}
    for sample in samples.values():
        gathering.landing.watch(one.task_id for one in sample)
    gathering.sweep_all(plan.sweeps, progress)
    hidden = [one for one, sample in samples.items() if _is_absent(gathering, plan, sample)]
    if hidden:
        projects = tuple(scope for scope in gathering.scopes if scope.provider_id is None)
        found = tuple(replace(project, provider_id=one) for project in projects for one in hidden)
        everything = gathering.scopes + found
        gathering.scopes = found
        gathering.sweep_all(plan.sweeps, progress)
        gathering.scopes = everything
    return tuple(sorted(known.union(hidden)))


@dataclass(frozen=True)
class _Sampled:
    """A task that a list of its provider has.

    Attributes:
        task_id: The task.
        created_at: When it was created.
        lag: How much later it started, of one that did not as if never.
    """

    task_id: str
    created_at: datetime
    lag: timedelta


def _sample(gathering: SweepRunner, provider_id: str, since: datetime) -> list[_Sampled]:
    """Some tasks of a provider, created since an instant, not landed; none where that is refused."""
    found = []
    for query in gathering.within(TaskQuery(start_time=since, provider_id=provider_id)):
        try:
            page = gathering.list_page(query, SAMPLE_SIZE, 0)
        except PermanentSourceError as error:
            if error.status != REFUSED:
                raise
            logger.info("%s It has no tasks of provider %s, then.", error, provider_id)
            continue
        for record in page.records:
            verdict = gathering.landing.validator.check(record, gathering.clock.now())
            if verdict.task_id and verdict.reason is None and verdict.day and verdict.day > day_of(since):
                found.append(_sampled(verdict.task_id, json.loads(verdict.normal or record)))
    return found


def _sampled(task_id: str, record: dict[str, Any]) -> _Sampled:
    """Reads a sound record's times."""
    created_at = parse_instant(record["created_at"])
    started_at = parse_instant(record.get("started_at") or "")
    if created_at is None:
        raise AssertionError(f"the door let a task without created_at in: {task_id}")
    return _Sampled(task_id, created_at, abs(started_at - created_at) if started_at else timedelta.max)


def _is_absent(gathering: SweepRunner, plan: Plan, sample: list[_Sampled]) -> bool:
    """Whether unfiltered lists leave a provider out.

    Most of the sample never came: it may also have expired, or lie in windows that a load which
    was interrupted had landed, so that this one did not ask again. Asking without a filter for a
    narrow window around some of them tells. Those that started soon after they were created lie
    in it whichever time the source filters by.
    """
    unseen = set(gathering.landing.unseen(one.task_id for one in sample))
    if plan.until is not None or 2 * len(unseen) <= len(sample):
        return False
    missing = sorted((one for one in sample if one.task_id in unseen), key=lambda one: one.lag)
    probed = missing[:PROBES]
    gathering.sweep_all(
        Sweep(
            TaskQuery(start_time=one.created_at - PAD, end_time=one.created_at + PAD),
            "whether lists without a filter have every provider",
        )
        for one in probed
    )
    return 2 * len(gathering.landing.unseen(one.task_id for one in probed)) > len(probed)
