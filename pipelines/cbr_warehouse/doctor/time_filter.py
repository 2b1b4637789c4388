"""What ``start_time`` and ``end_time`` filter: which columns they apply to, and whether bounds are inside.

A task whose times lie apart tells the columns: it is asked for in a narrow window around each of
its times in turn. A task with a time near a whole second, which is what can be asked for, tells the bounds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cbr_warehouse.doctor.finding import Evidence, Finding
from cbr_warehouse.doctor.probe import Probe, Reply
from cbr_warehouse.doctor.rows import Row
from cbr_warehouse.source.query import TaskQuery

READINGS = {
    "created_at": ("created_at", "created_at"),
    "started_at": ("started_at", "started_at"),
    "updated_at": ("updated_at", "updated_at"),
    "started_at and ended_at": ("started_at", "ended_at"),
}
"""Which columns start_time and end_time may apply to."""

MOST_TASKS = 4
"""Telling tasks that are asked for, until one reading is left."""

LEAST_WINDOWS = 2
"""One window may mislead, were a task to change between two questions."""

APART_SECONDS = 4.0
NEAR = timedelta(seconds=1)
"""What is this near to a bound may be on either side of it."""

SECOND = timedelta(seconds=1)


def find_columns(questions: Probe, rows: Sequence[Row]) -> Finding:
    """Finds out which columns the filters by time apply to.

    Args:
        questions: Asks the source.
        rows: Tasks that are served.

    Returns:
        What was found; its verdict is one of ``READINGS``.
    """
    left = list(READINGS)
    evidence: list[Evidence] = []
    for row in _telling(rows):
        for start, end in _windows(row):
            if len(left) == 1 and len(evidence) >= LEAST_WINDOWS:
                break
            reply = questions.ask_some(TaskQuery(start_time=start, end_time=end))
            evidence.append(reply.told(_note(row, reply)))
            left = [reading for reading in left if not _is_refuted(reading, (start, end), reply, row)]
    if len(left) == 1:
        said = f"The only reading that {len(evidence)} narrow windows allow."
        return Finding("columns of start_time and end_time", left[0], said, tuple(evidence))
    if not evidence:
        said = f"No ended task was seen whose times lie more than {APART_SECONDS:.0f} s apart."
    elif left:
        said = f"{', '.join(left)} fit alike: no task was seen whose times tell them apart."
    else:
        said = f"What comes contradicts every reading known: {', '.join(READINGS)}."
    return Finding("columns of start_time and end_time", None, said, tuple(evidence))


def find_bounds(questions: Probe, rows: Sequence[Row], reading: str | None) -> Finding:
    """Finds out whether tasks exactly on a bound are within the window.

    Args:
        questions: Asks the source.
        rows: Tasks that are served.
        reading: What the filters apply to, one of ``READINGS``; None where that is not known.

    Returns:
        What was found.
    """
    if reading is None:
        return Finding("bounds", None, "It is not known which column they bound.")
    first, last = READINGS[reading]
    ended = [row for row in rows if row.has_ended and first in row.times]
    even = [row for row in ended if not row.times[first].microsecond and not row.times[last].microsecond]
    row = next(iter(even or ended), None)
    if row is None:
        return Finding("bounds", None, f"No ended task with {first} was seen.")
    begin, end = (row.times[name].replace(microsecond=0) for name in (first, last))
    replies = [
        questions.ask_some(_near(row, TaskQuery(start_time=begin, end_time=end + 3 * SECOND))),
        questions.ask_some(_near(row, TaskQuery(start_time=begin - 3 * SECOND, end_time=end))),
    ]
    evidence = tuple(reply.told(_note(row, reply)) for reply in replies)
    if any(not reply.is_whole and not reply.has(row) for reply in replies):
        return Finding("bounds", None, "Too many tasks lie near the bound.", evidence)
    starts, ends = (reply.has(row) for reply in replies)
    if starts and not ends and not any(row.times[first].microsecond % 1000 for row in ended):
        said = "Times are printed too coarsely to know which of them lies exactly on a second."
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
            "A task within the last second before end_time + 1 s is taken in.",
        )
    if not starts:
        return "exclusive, by whole seconds", "A task within the first second after start_time is left out."
    return None, (
        "No ended task was seen with a time on a whole second, and only whole seconds can be asked for: "
        "no bound is ever met exactly."
    )


def _near(row: Row, query: TaskQuery) -> TaskQuery:
    """The query narrowed to the row's own resource, so that its page is not filled by others."""
    return replace(
        query,
        resource_id=row.text("extra_info", "resource", "id"),
        operation_type=row.text("operation_type"),
    )


def _telling(rows: Iterable[Row]) -> list[Row]:
    """The tasks whose times lie furthest from being one, newest first among equals."""
    pairs = (("created_at", "started_at"), ("started_at", "ended_at"), ("created_at", "updated_at"))
    scored = [
        (sum(row.apart(one, other, APART_SECONDS) for one, other in pairs), row.created_at, row.id, row)
        for row in rows
        if row.has_ended
    ]
    return [row for score, _, _, row in sorted(scored, reverse=True, key=lambda it: it[:3]) if score][
        :MOST_TASKS
    ]


def _windows(row: Row) -> Iterator[tuple[datetime, datetime]]:
    """Narrow windows around each time of a task, and one from its start to its end."""
    for first, last in READINGS.values():
        if first in row.times and last in row.times:
            start, end = row.times[first] - 2 * NEAR, row.times[last] + 2 * NEAR
            yield start.replace(microsecond=0), end.replace(microsecond=0)


def _is_refuted(reading: str, window: tuple[datetime, datetime], reply: Reply, asked: Row) -> bool:
    """Whether an answer contradicts a reading: it has what lies outside, or lacks what lies inside."""
    if reply.refusal is not None:
        return False
    if any(_place(reading, window, row) == "outside" for row in reply.rows):
        return True
    is_inside = _place(reading, window, asked) == "inside"
    return is_inside and reply.is_whole and not reply.has(asked)


def _place(reading: str, window: tuple[datetime, datetime], row: Row) -> str:
    """Where a task lies under a reading: inside, outside, or too near to a bound to say."""
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
