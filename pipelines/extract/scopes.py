"""Scopes: what one list without filters may leave out, asked for with a filter of its own.

Lists may hide tasks of other enterprise projects, and one version of the documents gave the
filter by provider a default, under which tasks of all other providers are absent.
"""

from collections.abc import Callable
from dataclasses import replace

from pipelines.extract.gather import Gathering
from pipelines.extract.other_ways import PROVIDERS
from pipelines.extract.plan import Plan, Purpose
from pipelines.settings.model import SourceSettings
from pipelines.source.query import TaskQuery


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


def sweep_providers(gathering: Gathering, plan: Plan, progress: Callable[[int], None]) -> tuple[str, ...]:
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
        samples = {one: gathering.sample(one, plan.since) for one in PROVIDERS if one not in known}
    for sample in samples.values():
        gathering.landing.watch(sample)
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


def _is_absent(gathering: Gathering, plan: Plan, sample: list[str]) -> bool:
    """Whether most of a sample never came; some may have expired, or lie beyond a range."""
    return plan.until is None and 2 * len(gathering.landing.unseen(sample)) > len(sample)
