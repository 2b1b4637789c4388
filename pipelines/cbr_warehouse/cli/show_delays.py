"""What ``status`` prints about lateness and about how final recent days are."""

from collections.abc import Iterable
from itertools import groupby

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.table import print_table
from cbr_warehouse.cli.terminal_text import show
from cbr_warehouse.warehouse.lateness import DayFinality, LatenessMeasure, NewsDelays

COLUMNS = ("source", "lateness", "tasks", "late", "p50", "p99", "p99.99", "max")

ENOUGH_TASKS = 10_000
"""From this number on, the 99.99th percentile is not the maximum."""


def show_delays(delays: NewsDelays) -> None:
    """Prints a table of lateness, then what it leaves out and how final days are, by source."""
    measured = [one for one in delays.lateness if one.tasks]
    if measured:
        print_table(COLUMNS, map(_cells, measured))
    for source, rows in groupby(delays.lateness, lambda one: one.source):
        _show_population(source, {one.measure: one for one in rows})
    for source, days in groupby(delays.days, lambda one: one.source):
        _show_days(source, list(days))


def print_bounds(at_least: int | None, at_most: int | None) -> str:
    """Two bounds in seconds as durations, the lower rounded down and the upper rounded up.

    >>> print_bounds(0, 2410), print_bounds(None, None)
    ('0s to 41m', '')
    """
    if at_least is None or at_most is None:
        return ""
    lower, upper = _duration(at_least, up=False), _duration(at_most, up=True)
    return lower if lower == upper else f"{lower} to {upper}"


def _duration(seconds: int, *, up: bool) -> str:
    """Seconds below a minute, else minutes below a day, else hours."""
    step = 1 if seconds < 60 else 60 if seconds < 86400 else 3600
    rounded = -(-seconds // step) * step if up else seconds // step * step
    if rounded < 60:
        return f"{rounded}s"
    days, hours, minutes = rounded // 86400, rounded // 3600 % 24, rounded // 60 % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "m"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _cells(one: LatenessMeasure) -> tuple[object, ...]:
    return (
        one.source,
        one.measure,
        one.tasks,
        one.late,
        print_bounds(one.p50_at_least_seconds, one.p50_at_most_seconds),
        print_bounds(one.p99_at_least_seconds, one.p99_at_most_seconds),
        print_bounds(one.p9999_at_least_seconds, one.p9999_at_most_seconds),
        print_bounds(one.max_at_least_seconds, one.max_at_most_seconds),
    )


def _show_population(source: str, measures: dict[str, LatenessMeasure]) -> None:
    created = measures["created"]
    if not created.tasks:
        show(
            f"{source}: lateness is not measured yet: no task was created and received between loads that "
            "ran without an interruption."
        )
        return
    sentences = []
    if created.left_out:
        sentences.append(
            f"{_tasks(created.left_out)} left out, because loads had not begun or were interrupted"
        )
    if created.tasks < ENOUGH_TASKS:
        sentences.append(f"p99.99 of fewer than {ENOUGH_TASKS:,} tasks is the maximum")
    if created.watched < created.tasks:
        sentences.append(
            f"{_tasks(created.tasks - created.watched)} not watched for long enough yet, so values can grow"
        )
    if sentences:
        show(f"{source}: lateness: {'; '.join(sentences)}.")


def _tasks(number: int) -> str:
    return f"{amount(number, 'tasks')} {'is' if number == 1 else 'are'}"


def _show_days(source: str, days: Iterable[DayFinality]) -> None:
    listed = list(days)
    measured = max(one.days_measured for one in listed)
    if not measured:
        show(
            f"{source}: whether recent days are final is unknown: no earlier day was watched for long enough."
        )
        return
    known = ", ".join(f"{one.day} {_percent(one.probability_final)}" for one in listed)
    earlier = amount(measured, "earlier days")
    show(f"{source}: probability that a day is final, from {earlier}: {known}.")


def _percent(probability: float | None) -> str:
    return "unknown" if probability is None else f"{int(probability * 100)} %"
