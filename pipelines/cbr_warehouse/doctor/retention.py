"""How far back a source goes: the oldest task it serves, and whether anything older than 30 days comes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.doctor.rows import Row
from cbr_warehouse.source.query import TaskQuery

MOST_STEPS = 10
"""Halvings of the time between a task served and an age at which none is: 30 days become an hour."""

SLACK = timedelta(hours=2)
NEARLY_ALL = RETENTION - timedelta(days=1)
"""A source that serves tasks of this age and none beyond 30 days keeps them for 30 days, it seems."""

RETENTION_FINDING = "retention"


def find_retention(questions: Probe, rows: Sequence[Row], now: datetime) -> Finding:
    """Finds the oldest task served.

    Args:
        questions: Asks the source.
        rows: Tasks that are served.
        now: The present, UTC.

    Returns:
        What was found.
    """
    if not rows:
        return Finding(RETENTION_FINDING, None, "No task is served.")
    oldest = min(row.created_at for row in rows)
    reply = _before(questions, now - RETENTION - SLACK)
    evidence = [reply.told(_oldest_told(reply))]
    if reply.refusal is not None:
        return Finding(RETENTION_FINDING, None, "A window without a beginning is refused.", tuple(evidence))
    older = [row for row in reply.rows if row.created_at < now - RETENTION - SLACK / 2]
    if older:
        oldest = _sink(questions, min(row.created_at for row in older), evidence, reply)
        said = f"The oldest task seen is {_age(now, oldest)} old, so that more than 30 days are served."
        return Finding(RETENTION_FINDING, "more than 30 days", said, tuple(evidence))
    if reply.rows:
        said = "A window before 30 days ago has only younger tasks: it does not bound created_at."
        return Finding(RETENTION_FINDING, None, said, tuple(evidence))
    oldest = _search(questions, now - RETENTION - SLACK, oldest, evidence)
    if now - oldest >= NEARLY_ALL:
        said = f"The oldest task served is {_age(now, oldest)} old, and nothing older than 30 days comes."
        return Finding(RETENTION_FINDING, "30 days", said, tuple(evidence))
    said = f"The oldest task served is {_age(now, oldest)} old, which may be all there ever was."
    return Finding(RETENTION_FINDING, None, said, tuple(evidence))


def _search(questions: Probe, empty: datetime, oldest: datetime, evidence: list[Evidence]) -> datetime:
    """Halves the time between an instant before which there is nothing and the oldest task known."""
    for _ in range(MOST_STEPS):
        if oldest - empty < SLACK / 2:
            break
        middle = empty + (oldest - empty) / 2
        reply = _before(questions, middle)
        evidence.append(reply.told(_oldest_told(reply)))
        if not reply.rows:
            empty = middle
            continue
        oldest = min(oldest, *(row.created_at for row in reply.rows))
        if reply.is_whole:
            break
    return oldest


def _sink(questions: Probe, oldest: datetime, evidence: list[Evidence], reply: Reply) -> datetime:
    """Goes ever further back while tasks come, at twice the depth each time."""
    depth = timedelta(days=30)
    for _ in range(MOST_STEPS):
        if reply.is_whole:
            break
        reply = _before(questions, oldest - depth)
        evidence.append(reply.told(_oldest_told(reply)))
        if reply.rows:
            oldest = min(oldest, *(row.created_at for row in reply.rows))
            depth *= 2
        elif depth < timedelta(days=4):
            break
        else:
            depth /= 4
            reply = Reply("", 0)
    return oldest


def _before(questions: Probe, end: datetime) -> Reply:
    return questions.ask_some(TaskQuery(end_time=end))


def _oldest_told(reply: Reply) -> str:
    if not reply.rows:
        return ""
    return f"the oldest of them created {min(row.created_at for row in reply.rows):%Y-%m-%d %H:%M}"


def _age(now: datetime, instant: datetime) -> str:
    return f"{(now - instant) / timedelta(days=1):.1f} days"
