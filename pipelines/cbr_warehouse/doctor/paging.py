"""How a source pages: what a large limit does, what ``count`` is of, where ``offset`` begins."""

from dataclasses import dataclass

from cbr_warehouse.doctor.finding import Finding
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.doctor.rows import Row
from cbr_warehouse.source.query import TaskQuery

ALL = TaskQuery()
LARGEST = 1000
"""The documented maximum of ``limit``."""

SMALLER = (500, 200, 100, 50, 20, 10, 1)
"""Tried one after the other where the largest is refused."""

TRIES = 3
"""How often rows may move between two questions."""


@dataclass(frozen=True)
class Paging:
    """What the question about the limit brings besides its finding.

    Attributes:
        finding: What was found.
        first: The largest page that was received.
    """

    finding: Finding
    first: Reply


def find_limit(questions: Probe) -> Paging:
    """Finds out what a limit above the source's maximum does, and where that lies."""
    largest = questions.ask(ALL, LARGEST)
    if largest.refusal is not None:
        return _find_refused(questions, largest)
    questions.most_rows = max(1, min(largest.received, LARGEST))
    beyond = questions.ask(ALL, 1, offset=largest.received + 1)
    has_more = beyond.received > 0 or (largest.count or 0) > largest.received
    if largest.received < LARGEST and not has_more:
        questions.most_rows = LARGEST
    probed = largest.received + 1 if has_more else LARGEST + 1
    probe = questions.ask(ALL, probed)
    verdict, said = _judge_limit(largest.received, probe, has_more=has_more)
    evidence = (largest.told(), beyond.told(), probe.told())
    return Paging(Finding("limit above the maximum", verdict, said, evidence), largest)


def _judge_limit(received: int, probe: Reply, *, has_more: bool) -> tuple[str | None, str]:
    if probe.refusal is not None:
        return f"refused above {probe.limit - 1}", f"A limit of {probe.limit} is refused."
    if probe.received < 0.9 * received:  # some may have expired meanwhile, or come
        return (
            f"replaced by {probe.received}",
            f"A limit above the maximum is answered with {probe.received} rows, fewer than {received}.",
        )
    if not has_more:
        return None, f"Only {received} tasks are served, so that no limit bounds what comes."
    if probe.received == received:
        return f"clamped to {received}", f"However large the limit, at most {received} rows come."
    if received < LARGEST:
        return (
            f"replaced by {received}",
            f"A limit of {probe.limit} is followed, but one of {LARGEST} is answered with {received} rows.",
        )
    return f"followed above {LARGEST}", f"A limit of {probe.limit} is followed."


def _find_refused(questions: Probe, refused: Reply) -> Paging:
    evidence = [refused.told()]
    for limit in SMALLER:
        reply = questions.ask(ALL, limit)
        evidence.append(reply.told())
        if reply.refusal is None:
            questions.most_rows = limit
            said = f"{limit} is the largest of the limits tried that is taken; a larger one is refused."
            return Paging(
                Finding("limit above the maximum", f"refused above {limit}", said, tuple(evidence)), reply
            )
    said = "Every limit is refused, so that it is not the limit that the source minds."
    return Paging(Finding("limit above the maximum", None, said, tuple(evidence)), refused)


def find_count(questions: Probe, first: Reply) -> Finding:
    """Finds out whether ``count`` is of all matching tasks or of the page."""
    one = questions.ask(ALL, 1)
    evidence = (one.told(), first.told())
    if one.count is None:
        return Finding("count", "none", "No count is given.", evidence)
    if first.received < 2 or one.received != 1:
        return Finding(
            "count", None, "Fewer than two tasks are served: both readings say the same.", evidence
        )
    if one.count == 1:
        return Finding(
            "count", "page", "It is that of the page: one row, count 1, though more match.", evidence
        )
    if first.count is not None and first.count >= first.received:
        return Finding(
            "count", "all", "It is that of all matching tasks, however few are on the page.", evidence
        )
    return Finding("count", None, "It is neither that of the page nor believable as that of all.", evidence)


def find_offset(questions: Probe) -> Finding:
    """Finds out whether the first row is at offset 0 or 1."""
    said = "Fewer than three tasks are served."
    evidence = []
    for _ in range(TRIES):
        replies = [questions.ask(ALL, min(3, questions.most_rows), offset) for offset in (0, 1, 2)]
        evidence += [reply.told(_first(reply)) for reply in replies]
        if replies[0].refusal is not None and replies[1].refusal is None:
            return Finding("offset", "from 1, 0 is refused", "Offset 0 is refused.", tuple(evidence))
        heads: list[Row] = [reply.rows[0] for reply in replies if reply.rows]
        if len(heads) < 3:
            break
        zero, one, two = (row.id for row in heads)
        if zero == one == two:
            return Finding("offset", "ignored", "Every offset gives the same first row.", tuple(evidence))
        if zero == one:
            return Finding("offset", "from 1", "Offsets 0 and 1 give the same first row.", tuple(evidence))
        if len(replies[0].rows) < 2 or replies[0].rows[1].id == one:
            return Finding("offset", "from 0", "Offset 1 begins with the second row.", tuple(evidence))
        said = "The rows moved between the questions each time."
    return Finding("offset", None, said, tuple(evidence))


def _first(reply: Reply) -> str:
    return f"first {reply.rows[0].id}" if reply.rows else ""
