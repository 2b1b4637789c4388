"""When stored tasks are read again for changes, and by which windows. Pure.

A task may change until ``settle`` after its end. An ended one is read again at growing ages instead of by
every load, so a change is seen at the next of these ages, or by the daily deep load. Where a source is
seen to change tasks after their end, all of them are read by every load again, for some days.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise

from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.contract.utc_days import DAY, day_of
from cbr_warehouse.raw.ledgers import AuditEntry
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import FollowedTask

AGES = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=12), timedelta(hours=24), timedelta(hours=48))
"""Time after its end at which a task is read again, as far as it is within ``settle``; and at ``settle``."""

EDIT_MEMORY = timedelta(days=3)
"""How long after a change of an ended task all tasks within ``settle`` are read by every load."""

PROVED_DAYS = 3
"""Newest closed days of which one must be complete: only counts show a task that appears late."""

GAP = timedelta(minutes=30)
"""Minimum time without a task to read that separates two windows."""

MOST_WINDOWS = 6
"""Maximum number of windows; above it, the minimum gap is doubled."""

LEAST_TASKS = 3
"""Minimum number of tasks for a window, which takes two requests; fewer are requested by id."""

LEAST_OPEN_TASKS = 20
"""Minimum number of open tasks for a window: it also has those that ended before, several times as many."""

EDGE = timedelta(seconds=2)
"""Padding of a window: the API takes whole seconds, and its bounds may be exclusive."""

TimeSpan = tuple[datetime, datetime | None]
"""From the first instant, before the second; without the second, until the present."""


def may_thin_out(now: datetime, audits: Mapping[date, AuditEntry], edited_at: datetime | None) -> bool:
    """Whether tasks within ``settle`` need not be read by every load.

    Args:
        now: Start of the load, UTC.
        audits: The latest verdict on each day.
        edited_at: When a load last saw that a task had changed after its end, UTC.
    """
    newest = [day_of(now) - n * DAY for n in range(1, PROVED_DAYS + 1)]
    is_proved = any(day in audits and audits[day].state == DayState.COMPLETE for day in newest)
    return is_proved and (edited_at is None or now - edited_at >= EDIT_MEMORY)


def due_spans(last_load_at: datetime, now: datetime, settle: timedelta) -> tuple[TimeSpan, ...]:
    """The spans of time in which tasks ended that have reached one of the ages since the last load.

    Whatever the time between two loads, each age that a task reached meanwhile is in one of them.

    Args:
        last_load_at: Start of the last finished load, UTC.
        now: Start of this load, UTC.
        settle: How long after its end a task may change.
    """
    ages = sorted({age for age in AGES if age < settle} | {settle}, reverse=True)
    spans: list[tuple[datetime, datetime]] = []
    for age in ages:
        since, until = last_load_at - age, now - age
        if spans and since <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(until, spans[-1][1]))
        else:
            spans.append((since, until))
    return tuple(spans)


def task_windows(tasks: Iterable[FollowedTask]) -> list[TaskQuery]:
    """Few windows that contain tasks by their creation or start; single tasks are in none.

    Args:
        tasks: The tasks to read.
    """
    spans = sorted(_times(task) for task in tasks)
    if not spans:
        return []
    gap = GAP
    while len(groups := _groups(spans, gap)) > MOST_WINDOWS:
        gap *= 2
    return [_window(group) for group in groups]


def open_task_windows(tasks: Iterable[FollowedTask]) -> list[TaskQuery]:
    """Windows of groups of open tasks by their creation or start; the others are in none.

    A wave of backups ends between two loads: by id, each of its tasks would take a request. Groups far from
    each other are never joined, since between them a source may have any number of other tasks.

    Args:
        tasks: The tasks to read.
    """
    spans = sorted(_times(task) for task in tasks)
    if not spans:
        return []
    return [_window(group) for group in _groups(spans, GAP) if len(group) >= LEAST_OPEN_TASKS]


def _window(group: list[tuple[datetime, datetime]]) -> TaskQuery:
    return TaskQuery(start_time=group[0][0] - EDGE, end_time=max(end for _, end in group) + EDGE)


def _times(task: FollowedTask) -> tuple[datetime, datetime]:
    """The times that a window may filter by, the earlier one first."""
    started_at = task.started_at or task.created_at
    return min(task.created_at, started_at), max(task.created_at, started_at)


def _groups(spans: list[tuple[datetime, datetime]], gap: timedelta) -> list[list[tuple[datetime, datetime]]]:
    """Groups of tasks near each other that are worth a window."""
    groups = [[spans[0]]]
    for (_, before), span in pairwise(spans):
        if span[0] - before > gap:
            groups.append([])
        groups[-1].append(span)
    return [group for group in groups if len(group) >= LEAST_TASKS]
