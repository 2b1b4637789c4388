"""What ``start_time`` and ``end_time`` filter: which columns, and whether their bounds are inclusive.

A task whose times differ shows the columns: it is requested in a narrow window around each of its
times in turn. A task with a time on a whole second, the resolution of the filters, shows the bounds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.observed_tasks import Row
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.source.query import TaskQuery

READINGS = {
    "created_at": ("created_at", "created_at"),
    "started_at": ("started_at", "started_at"),
    "updated_at": ("updated_at", "updated_at"),
    "started_at and ended_at": ("started_at", "ended_at"),
}
"""Which columns start_time and end_time may apply to."""

MAX_TASKS = 4
"""Tasks used at most, until one reading is left."""

MIN_WINDOWS = 2
"""One window may mislead, if a task changes between two requests."""

APART_SECONDS = 4.0
NEAR = timedelta(seconds=1)
"""A time this near to a bound may be on either side of it."""

SECOND = timedelta(seconds=1)


def find_columns(probe: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out which columns the time filters apply to.

    Args:
        probe: Makes the requests.
        rows: Tasks seen so far.

    Returns:
        The finding; its verdict is one of ``READINGS``.
    """
    left = list(READINGS)
    evidence: list[Evidence] = []
    for row in _distinctive(rows):
        for start, end in _windows(row):
            if len(left) == 1 and len(evidence) >= MIN_WINDOWS:
                break
            reply = probe.ask_first(TaskQuery(start_time=start, end_time=end))
            evidence.append(reply.evidence(_note(row, reply)))
            left = [reading for reading in left if not _is_refuted(reading, (start, end), reply, row)]
    if len(left) == 1:
        said = f"The only reading consistent with {len(evidence)} narrow windows."
        return Finding("columns of start_time and end_time", left[0], said, tuple(evidence))
    if not evidence:
        said = f"No ended task seen has times that differ by more than {APART_SECONDS:.0f} s."
    elif left:
        said = f"{', '.join(left)} are all consistent: no task seen has times that distinguish them."
    else:
        said = f"The responses contradict every known reading: {', '.join(READINGS)}."
    return Finding("columns of start_time and end_time", None, said, tuple(evidence))


def find_bounds(probe: Probe, rows: Sequence[Row], reading: str | None) -> Finding:
    """Finds out whether tasks exactly on a bound are within the window.

    Args:
        probe: Makes the requests.
        rows: Tasks seen so far.
        reading: The columns of the filters, one of ``READINGS``; None where they are not known.
    """
    if reading is None:
        return Finding("bounds", None, "It is not known which columns the filters apply to.")
    first, last = READINGS[reading]
    # Ended tasks only: an open one may change between the two requests.
    ended = [row for row in rows if row.has_ended and first in row.times]
    # Filters have whole seconds. A task on a whole second can be met exactly; any other lies within the
    # second that begins at its truncated time, and shows only whether the source truncates as well.
    even = [row for row in ended if not row.times[first].microsecond and not row.times[last].microsecond]
    row = next(iter(even or ended), None)
    if row is None:
        return Finding("bounds", None, f"No ended task with {first} was seen.")
    begin, end = (row.times[name].replace(microsecond=0) for name in (first, last))
    # The first window begins at the task's time and the second one ends there; 3 s of slack at the other
    # side keep that bound from deciding.
    replies = [
        probe.ask_first(_near(row, TaskQuery(start_time=begin, end_time=end + 3 * SECOND))),
        probe.ask_first(_near(row, TaskQuery(start_time=begin - 3 * SECOND, end_time=end))),
    ]
    evidence = tuple(reply.evidence(_note(row, reply)) for reply in replies)
    if any(not reply.is_whole and not reply.has(row) for reply in replies):
        # Its page was full, so that the task may be missing for want of room.
        return Finding("bounds", None, "Too many tasks are near the bound.", evidence)
    starts, ends = (reply.has(row) for reply in replies)
    # In at the start, out at the end is what a truncated print of a time within the second looks like too:
    # where every time is printed in milliseconds or coarser, the two cases cannot be distinguished.
    if starts and not ends and not any(row.times[first].microsecond % 1000 for row in ended):
        said = "Times are printed too coarsely to know which of them is exactly on a second."
        return Finding("bounds", None, said, evidence)
    verdict, said = _judge_bounds(starts=starts, ends=ends, is_even=bool(even))
    return Finding("bounds", verdict, said, evidence)


def _judge_bounds(*, starts: bool, ends: bool, is_even: bool) -> tuple[str | None, str]:
    if is_even:
        if starts == ends:
            word = "inclusive" if starts else "exclusive"
            return word, f"A task exactly on a bound is {'' if starts else 'not '}within the window."
        words = ["inclusive" if inside else "exclusive" for inside in (starts, ends)]
        return f"start {words[0]}, end {words[1]}", "The two bounds are read differently."
    if ends:
        return (
            "inclusive, by whole seconds",
            "A task within the second after end_time is inside the window.",
        )
    if not starts:
        return (
            "exclusive, by whole seconds",
            "A task within the second after start_time is outside the window.",
        )
    return None, (
        "No ended task seen has a time on a whole second, and filters have whole seconds only: "
        "no bound can be met exactly."
    )


def _near(row: Row, query: TaskQuery) -> TaskQuery:
    """The query narrowed to the row's own resource, so that others do not fill its page."""
    return replace(
        query,
        resource_id=row.text("extra_info", "resource", "id"),
        operation_type=row.text("operation_type"),
    )


def _distinctive(rows: Iterable[Row]) -> list[Row]:
    """The tasks with the most differences between their times, newest first among equals."""
    pairs = (("created_at", "started_at"), ("started_at", "ended_at"), ("created_at", "updated_at"))
    scored = [
        (sum(row.apart(one, other, APART_SECONDS) for one, other in pairs), row.created_at, row.id, row)
        for row in rows
        if row.has_ended
    ]
    return [row for score, _, _, row in sorted(scored, reverse=True, key=lambda it: it[:3]) if score][
        :MAX_TASKS
    ]


def _windows(row: Row) -> Iterator[tuple[datetime, datetime]]:
    """Narrow windows around each time of a task, and one from its start to its end."""
    for first, last in READINGS.values():
        if first in row.times and last in row.times:
            start, end = row.times[first] - 2 * NEAR, row.times[last] + 2 * NEAR
            yield start.replace(microsecond=0), end.replace(microsecond=0)


def _is_refuted(reading: str, window: tuple[datetime, datetime], reply: Reply, target: Row) -> bool:
    """Whether a response contradicts a reading: it has a task outside, or lacks one inside the window."""
    if reply.refusal is not None:
        return False
    if any(_place(reading, window, row) == "outside" for row in reply.rows):
        return True
    is_inside = _place(reading, window, target) == "inside"
    return is_inside and reply.is_whole and not reply.has(target)


def _place(reading: str, window: tuple[datetime, datetime], row: Row) -> str:
    """Where a task is under a reading: inside, outside, or too near to a bound to say."""
    first, last = READINGS[reading]
    if first not in row.times or last not in row.times:
        return "outside"
    after, before = row.times[first] - window[0], window[1] - row.times[last]
    if min(after, before) < -NEAR:
        return "outside"
    return "inside" if min(after, before) > NEAR / 2 else "near"


def _note(row: Row, reply: Reply) -> str:
    times = ", ".join(f"{name} {instant:%Y-%m-%dT%H:%M:%S.%f}" for name, instant in row.times.items())
    return f"{'with' if reply.has(row) else 'without'} task {row.id} ({times})"
