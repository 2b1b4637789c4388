"""Paging: the effect of a large limit, what ``count`` counts, where ``offset`` begins."""

from dataclasses import dataclass

from cbr_warehouse.doctor.finding import Finding
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.source.query import TaskQuery

ALL = TaskQuery()
LARGEST = 1000
"""The documented maximum of ``limit``."""

SMALLER = (500, 200, 100, 50, 20, 10, 1)
"""Tried in this order where the largest is refused."""

TRIES = 3
"""Repetitions, if rows move between two requests."""


@dataclass(frozen=True)
class Paging:
    """The finding about the limit, and the page that it took.

    Attributes:
        finding: The finding.
        first: The largest page that was received.
    """

    finding: Finding
    first: Reply


def find_limit(probe: Probe) -> Paging:
    """Finds out the source's maximum limit, and the effect of a larger one."""
    largest = probe.ask(ALL, LARGEST)
    if largest.refusal is not None:
        return _find_refused(probe, largest)
    probe.max_rows = max(1, min(largest.received, LARGEST))
    beyond = probe.ask(ALL, 1, offset=largest.received + 1)
    has_more = beyond.received > 0 or (largest.count or 0) > largest.received
    if largest.received < LARGEST and not has_more:
        probe.max_rows = LARGEST
    probed = largest.received + 1 if has_more else LARGEST + 1
    above = probe.ask(ALL, probed)
    verdict, said = _judge_limit(largest.received, above, has_more=has_more)
    evidence = (largest.evidence(), beyond.evidence(), above.evidence())
    return Paging(Finding("limit above the maximum", verdict, said, evidence), largest)


def _judge_limit(received: int, above: Reply, *, has_more: bool) -> tuple[str | None, str]:
    if above.refusal is not None:
        return f"refused above {above.limit - 1}", f"A limit of {above.limit} is refused."
    if above.received < 0.9 * received:  # some may have expired since, or been created
        return (
            f"replaced by {above.received}",
            f"A limit above the maximum is answered with {above.received} rows, fewer than {received}.",
        )
    if not has_more:
        return None, f"The source has only {received} tasks, too few to reach a limit."
    if above.received == received:
        return f"clamped to {received}", f"However large the limit, at most {received} rows are returned."
    if received < LARGEST:
        return (
            f"replaced by {received}",
            f"A limit of {above.limit} is honoured, but one of {LARGEST} is answered with {received} rows.",
        )
    return f"followed above {LARGEST}", f"A limit of {above.limit} is honoured."


def _find_refused(probe: Probe, refused: Reply) -> Paging:
    evidence = [refused.evidence()]
    for limit in SMALLER:
        reply = probe.ask(ALL, limit)
        evidence.append(reply.evidence())
        if reply.refusal is None:
            probe.max_rows = limit
            said = f"{limit} is the largest accepted of the limits tried; a larger one is refused."
            return Paging(
                Finding("limit above the maximum", f"refused above {limit}", said, tuple(evidence)), reply
            )
    said = "Every limit is refused, so the limit is not the reason."
    return Paging(Finding("limit above the maximum", None, said, tuple(evidence)), refused)


def find_count(probe: Probe, first: Reply) -> Finding:
    """Finds out whether ``count`` counts all matching tasks or those of the page."""
    one = probe.ask(ALL, 1)
    evidence = (one.evidence(), first.evidence())
    if one.count is None:
        return Finding("count", "none", "Responses have no count.", evidence)
    if first.received < 2 or one.received != 1:
        return Finding(
            "count", None, "The source has fewer than two tasks: both meanings give the same count.", evidence
        )
    if one.count == 1:
        return Finding("count", "page", "It counts the page: one row, count 1, though more match.", evidence)
    if first.count is not None and first.count >= first.received:
        return Finding("count", "all", "It counts all matching tasks, however few are on the page.", evidence)
    return Finding("count", None, "It counts neither the page nor, plausibly, all matching tasks.", evidence)


def find_offset(probe: Probe) -> Finding:
    """Finds out whether the first row is at offset 0 or 1."""
    said = "The source has fewer than three tasks."
    evidence = []
    for _ in range(TRIES):
        replies = [probe.ask(ALL, min(3, probe.max_rows), offset) for offset in (0, 1, 2)]
        evidence += [reply.evidence(_first(reply)) for reply in replies]
        if replies[0].refusal is not None and replies[1].refusal is None:
            return Finding("offset", "from 1, 0 is refused", "Offset 0 is refused.", tuple(evidence))
        heads: list[Row] = [reply.rows[0] for reply in replies if reply.rows]
        if len(heads) < 3:
            break
        zero, one, two = (row.id for row in heads)
        if zero == one == two:
            return Finding("offset", "ignored", "Every offset returns the same first row.", tuple(evidence))
        if zero == one:
            return Finding("offset", "from 1", "Offsets 0 and 1 return the same first row.", tuple(evidence))
        if len(replies[0].rows) < 2 or replies[0].rows[1].id == one:
            return Finding("offset", "from 0", "Offset 1 begins with the second row.", tuple(evidence))
        said = "The rows moved between the requests each time."
    return Finding("offset", None, said, tuple(evidence))


def _first(reply: Reply) -> str:
    return f"first {reply.rows[0].id}" if reply.rows else ""
