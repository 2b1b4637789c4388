"""What is said of the days of a source, against what that source served when, and what was asked of it."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from simulation.network import Network
from simulation.published import Day, Published
from simulation.source import Source

SLACK = timedelta(seconds=5)
"""A source tells its time in whole seconds."""

TIME_TO_APPEAR = timedelta(minutes=30)
"""A day that was proved when a task had been visible for less may lack it."""


class TrueDays:
    """Compares the states of days with the truth.

    A day that was not received whole is never complete, whatever else is said of it: its state is what tells
    the reader of the warehouse whether a number is one.

    Args:
        source: The source.
        network: How it is reached.
    """

    def __init__(self, source: Source, network: Network) -> None:
        self._source = source
        self._network = network
        self._proved_at: dict[date, datetime] = {}
        self._known: set[date] = set()
        self._looked_at: datetime | None = None
        self._tasks_of: dict[date, list[tuple[str, datetime, datetime]]] = {}
        visible_from = source.visible_from
        for task_id, created_at in source.created_at.items():
            day = created_at.astimezone(UTC).date()
            self._tasks_of.setdefault(day, []).append((task_id, created_at, visible_from[task_id]))

    def check(self, published: Published, now: datetime) -> None:
        """Checks the days at a time.

        Raises:
            AssertionError: Something that is said of a day is not so.
        """
        days = [one.day for one in published.days]
        assert self._known.issubset(days), f"no more known: {sorted(self._known.difference(days))}"
        gaps = [one for one, other in pairwise(days) if other - one != timedelta(days=1)]
        assert not gaps, f"no row of the days after {gaps}"
        self._known.update(days)
        for one in published.days:
            if one.state == "complete":
                self._check_complete(one, published, now)
            else:
                self._proved_at.pop(one.day, None)
                self._check_other(one, days[-1], now)
        self._looked_at = now

    def _check_complete(self, one: Day, published: Published, now: datetime) -> None:
        said = f"{one.day}: complete"
        assert one.held == one.stored, (
            f"{said}, with {one.held} held by its coverage and {one.stored} in tasks"
        )
        assert one.checked_at is not None, f"{said}, though never looked at"
        begin = datetime.combine(one.day, time(), UTC)
        assert one.checked_at + SLACK >= begin + timedelta(days=1), f"{said} at {one.checked_at}"
        asked_at = self._network.asked_at.get(one.day)
        assert asked_at is not None, f"{said}, though the source was not asked for it once it was over"
        assert asked_at <= one.checked_at + SLACK, f"{said} at {one.checked_at}, asked for only at {asked_at}"
        retention = self._source.dialect.retention or timedelta.max
        if one.day not in self._proved_at:
            # Proved since the last look, and only while the source served all of it.
            until = self._looked_at or min(one.checked_at, now)
            assert until - begin <= retention, f"{said}, though it began to leave the source before {until}"
        proved_at = self._proved_at.setdefault(one.day, one.checked_at)
        for task_id, created_at, visible_from in self._tasks_of.get(one.day, ()):
            is_served = created_at >= now - retention
            known_at = one.checked_at if is_served else proved_at
            if visible_from <= known_at - TIME_TO_APPEAR:
                is_held = published.holds(task_id, self._source)
                assert is_held, f"{task_id} of {created_at}: not held, though its day is complete"

    def _check_other(self, one: Day, newest: date, now: datetime) -> None:
        begin = datetime.combine(one.day, time(), UTC)
        if one.state == "open":
            assert one.day == newest, f"{one.day}: open, though {newest} is known"
        if one.state == "lost":
            retention = self._source.dialect.retention or timedelta.max
            assert now - begin > retention, f"{one.day}: lost at {now}, though the source has all of it"
