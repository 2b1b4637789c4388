"""Scopes: filters that every query is repeated with, because an unfiltered list may omit tasks.

Lists may omit tasks of other enterprise projects. One version of the API's documentation also gave
``provider_id`` a default value, with which an unfiltered list omits the tasks of all other providers.
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
from cbr_warehouse.extract.day_windows import PAD
from cbr_warehouse.extract.pagination import REFUSED
from cbr_warehouse.extract.plan import Plan, Purpose, Sweep
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.source.query import TaskQuery

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 100
"""Maximum number of tasks of a provider that are looked for in unfiltered lists."""

PROBES = 3
"""How many of those that no sweep returned are looked for in a narrow window each."""


def scopes_of(source: SourceSettings, hidden_providers: tuple[str, ...]) -> tuple[TaskQuery, ...]:
    """The scopes that every query of a source is repeated in.

    Args:
        source: The source.
        hidden_providers: Providers whose tasks an earlier load did not find in unfiltered lists.
    """
    projects = [TaskQuery(enterprise_project_id=project) for project in source.enterprise_project_ids]
    projects = projects or [TaskQuery()]
    hidden = [replace(project, provider_id=provider) for project in projects for provider in hidden_providers]
    return (*projects, *hidden)


def sweep_providers(runner: SweepRunner, plan: Plan, progress: Callable[[int], None]) -> tuple[str, ...]:
    """Runs a plan's sweeps, and once more for each provider that unfiltered lists turn out to omit.

    Args:
        runner: Makes the load's requests; its scopes are extended by the providers found.
        plan: The load's plan.
        progress: Called with the number of records of each page.

    Returns:
        All providers known to be omitted from unfiltered lists, sorted.

    Raises:
        SourceError: The source failed.
    """
    known = {scope.provider_id for scope in runner.scopes if scope.provider_id}
    samples = {}
    # Counts cannot reveal omitted tasks: a count without a filter omits them too. So a sample of each
    # provider's tasks is listed, and must be among the records of the sweeps. Incremental loads read too
    # little for that and rely on the last deep load, whose result is in the ledger.
    if plan.purpose is not Purpose.INCREMENTAL:
        samples = {
            provider: _sample(runner, provider, plan.since) for provider in PROVIDERS if provider not in known
        }
    # Landing notes only the tasks it watches, so the samples are drawn before the sweeps. A task
    # created in between is then in no sample, and cannot be mistaken for an omitted one.
    for sample in samples.values():
        runner.landing.watch(task.task_id for task in sample)
    runner.sweep_all(plan.sweeps, progress, are_neighbours=True)
    omitted = [provider for provider, sample in samples.items() if _is_omitted(runner, plan, sample)]
    if omitted:
        projects = tuple(scope for scope in runner.scopes if scope.provider_id is None)
        added = tuple(replace(project, provider_id=provider) for project in projects for provider in omitted)
        all_scopes = runner.scopes + added
        # The other scopes were read above: only the added ones are read now, and all of them from here on.
        runner.scopes = added
        runner.sweep_all(plan.sweeps, progress, are_neighbours=True)
        runner.scopes = all_scopes
    return tuple(sorted(known.union(omitted)))


@dataclass(frozen=True)
class _SampledTask:
    """A task from the list of its provider.

    Attributes:
        task_id: Its id.
        created_at: When it was created, UTC.
        start_delay: Time between its creation and its start; the maximum if it never started.
    """

    task_id: str
    created_at: datetime
    start_delay: timedelta


def _sample(runner: SweepRunner, provider_id: str, since: datetime) -> list[_SampledTask]:
    """Some tasks of a provider created after the day of ``since``; empty if the filter is rejected."""
    sample: dict[str, _SampledTask] = {}  # by id: projects may overlap
    for query in runner.within(TaskQuery(start_time=since, provider_id=provider_id)):
        try:
            page = runner.list_page(query, SAMPLE_SIZE, 0)
        except PermanentSourceError as error:
            if error.status != REFUSED:
                raise
            logger.info("%s The load assumes that it has no tasks of provider %s.", error, provider_id)
            continue
        for record in page.records:
            checked = runner.landing.validator.check(record, runner.clock.now())
            if checked.task_id and checked.reason is None and checked.day and checked.day > day_of(since):
                sample[checked.task_id] = _sampled(checked.task_id, json.loads(checked.normal or record))
    return list(sample.values())


def _sampled(task_id: str, record: dict[str, Any]) -> _SampledTask:
    """Reads the times of a valid record."""
    created_at = parse_instant(record["created_at"])
    started_at = parse_instant(record.get("started_at") or "")
    if created_at is None:
        raise AssertionError(f"a task without created_at passed validation: {task_id}")
    return _SampledTask(task_id, created_at, abs(started_at - created_at) if started_at else timedelta.max)


def _is_omitted(runner: SweepRunner, plan: Plan, sample: list[_SampledTask]) -> bool:
    """Whether unfiltered lists omit a provider's tasks: most of its sample is in none of them."""
    unseen = set(runner.landing.unseen(task.task_id for task in sample))
    # A range with an end does not include the newest tasks, of which samples consist.
    if plan.until is not None or 2 * len(unseen) <= len(sample):
        return False
    # They may also have expired meanwhile, or be in windows that an interrupted load landed and this one
    # skipped. A narrow window around a few of them decides. Those that started soon after their creation
    # are in it whichever of the two times the source filters by, so they are taken first.
    missing = sorted((task for task in sample if task.task_id in unseen), key=lambda task: task.start_delay)
    probed = missing[:PROBES]
    runner.sweep_all(
        Sweep(
            TaskQuery(start_time=task.created_at - PAD, end_time=task.created_at + PAD),
            "whether lists without a filter have every provider",
        )
        for task in probed
    )
    return 2 * len(runner.landing.unseen(task.task_id for task in probed)) > len(probed)
