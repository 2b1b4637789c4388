"""Retention: the oldest task that a source returns, and whether any is older than 30 days."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.source.query import TaskQuery

MOST_STEPS = 10
"""Steps of the binary search: 10 halvings narrow 30 days down to an hour."""

SLACK = timedelta(hours=2)
NEARLY_ALL = RETENTION - timedelta(days=1)
"""A source with tasks of this age and none beyond 30 days is taken to keep them for 30 days."""

RETENTION_FINDING = "retention"


def find_retention(probe: Probe, rows: Sequence[Row], now: datetime) -> Finding:
    """Finds the oldest task that the source returns.

    Args:
        probe: Asks the source.
        rows: Tasks seen so far.
        now: The current time, UTC.

    """
    if not rows:
        return Finding(RETENTION_FINDING, None, "The source has no task.")
    oldest = min(row.created_at for row in rows)
    reply = _before(probe, now - RETENTION - SLACK)
    evidence = [reply.evidence(_oldest_note(reply))]
    if reply.refusal is not None:
        return Finding(RETENTION_FINDING, None, "A window without a start is refused.", tuple(evidence))
    older = [row for row in reply.rows if row.created_at < now - RETENTION - SLACK / 2]
    if older:
        oldest = _sink(probe, min(row.created_at for row in older), evidence, reply)
        said = f"The oldest task seen is {_age(now, oldest)} old: the source keeps more than 30 days."
        return Finding(RETENTION_FINDING, "more than 30 days", said, tuple(evidence))
    if reply.rows:
        said = (
            "A window that ends 30 days ago returns only younger tasks: end_time does not filter created_at."
        )
        return Finding(RETENTION_FINDING, None, said, tuple(evidence))
    oldest = _search(probe, now - RETENTION - SLACK, oldest, evidence)
    if now - oldest >= NEARLY_ALL:
        said = f"The oldest task is {_age(now, oldest)} old, and none older than 30 days is returned."
        return Finding(RETENTION_FINDING, "30 days", said, tuple(evidence))
    said = f"The oldest task is {_age(now, oldest)} old, which may be all there ever was."
    return Finding(RETENTION_FINDING, None, said, tuple(evidence))


def _search(probe: Probe, empty: datetime, oldest: datetime, evidence: list[Evidence]) -> datetime:
    """Binary search between an instant before which there is no task and the oldest task known."""
    for _ in range(MOST_STEPS):
        if oldest - empty < SLACK / 2:
            break
        middle = empty + (oldest - empty) / 2
        reply = _before(probe, middle)
        evidence.append(reply.evidence(_oldest_note(reply)))
        if not reply.rows:
            empty = middle
            continue
        oldest = min(oldest, *(row.created_at for row in reply.rows))
        if reply.is_whole:
            break
    return oldest


def _sink(probe: Probe, oldest: datetime, evidence: list[Evidence], reply: Reply) -> datetime:
    """Goes further back while there are tasks, twice as far each time."""
    # Past the end the step shrinks to a quarter: the source may have gaps of days between tasks.
    depth = timedelta(days=30)
    for _ in range(MOST_STEPS):
        if reply.is_whole:
            break
        reply = _before(probe, oldest - depth)
        evidence.append(reply.evidence(_oldest_note(reply)))
        if reply.rows:
            oldest = min(oldest, *(row.created_at for row in reply.rows))
            depth *= 2
        elif depth < timedelta(days=4):
            break
        else:
            depth /= 4
            reply = Reply("", 0)
    return oldest


def _before(probe: Probe, end: datetime) -> Reply:
    return probe.ask_first(TaskQuery(end_time=end))


def _oldest_note(reply: Reply) -> str:
    if not reply.rows:
        return ""
    return f"the oldest of them created {min(row.created_at for row in reply.rows):%Y-%m-%d %H:%M}"


def _age(now: datetime, instant: datetime) -> str:
    return f"{(now - instant) / timedelta(days=1):.1f} days"
