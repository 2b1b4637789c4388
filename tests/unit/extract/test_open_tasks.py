"""By which requests tasks that may have changed are followed, and which of them count as gone."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cbr_warehouse.extract.day_windows import PAD, day_window
from cbr_warehouse.extract.open_tasks import SETTLE_REASON, follow_tasks
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.settle_schedule import EDGE
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.tables.stored_tasks import FollowedTask

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Runner:
    """Stands for a load's requests: some tasks are in windows, some are shown by id, others are not."""

    def __init__(
        self,
        followed: Iterable[str],
        *,
        listed: Callable[[TaskQuery], Iterable[str]] = lambda _query: (),
        shown: Iterable[str] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        self.left = set(followed)
        self.listed, self.shown, self.unknown = listed, set(shown), set(unknown)
        self.sweeps: list[Sweep] = []
        self.by_id: list[str] = []
        self.landing = self

    def unseen(self, task_ids: Iterable[str]) -> list[str]:
        return sorted(self.left.intersection(task_ids))

    def sweep_all(self, sweeps: Iterable[Sweep], progress: Callable[[int], None]) -> None:
        for sweep in sweeps:
            self.sweeps.append(sweep)
            self.left.difference_update(self.listed(sweep.query))
            progress(1)

    def show_all(self, task_ids: list[str]) -> list[str]:
        self.by_id += task_ids
        self.left -= self.shown
        return [task_id for task_id in task_ids if task_id in self.unknown]


def follow(followed: dict[str, FollowedTask], **answers: Any) -> tuple[Runner, tuple[str, ...], int]:
    runner, pages = Runner(followed, **answers), list[int]()
    gone = follow_tasks(runner, followed, pages.append)  # type: ignore[arg-type]  # asks alike
    return runner, gone, len(pages)


def ended(created_at: datetime) -> FollowedTask:
    return FollowedTask(created_at, created_at, is_open=False)


def opened(created_at: datetime) -> FollowedTask:
    return FollowedTask(created_at, None, is_open=True)


NEAR = {f"n{number}": ended(NOW - number * HOUR / 4) for number in range(4)}
WINDOW = TaskQuery(start_time=NOW - 0.75 * HOUR - EDGE, end_time=NOW + EDGE)


def test_without_tasks_there_are_no_requests() -> None:
    runner, gone, pages = follow({})
    assert (runner.sweeps, runner.by_id, gone, pages) == ([], [], (), 0)


def test_ended_tasks_near_each_other_are_read_by_a_window_and_others_by_id() -> None:
    followed = NEAR | {"open": opened(NOW), "alone": ended(NOW - 9 * HOUR)}
    runner, gone, pages = follow(followed, listed=lambda _query: NEAR, shown=["open", "alone"])
    assert runner.sweeps == [Sweep(WINDOW, SETTLE_REASON)]
    assert (runner.by_id, gone, pages) == (["alone", "open"], (), 1)


def test_tasks_that_the_sweeps_had_are_not_looked_for() -> None:
    runner = Runner(["n0", "n1"])
    follow_tasks(runner, NEAR, lambda _records: None)  # type: ignore[arg-type]  # asks alike
    assert runner.by_id == ["n0", "n1"]
    assert all("by id" in sweep.reason for sweep in runner.sweeps)


def test_open_tasks_are_in_no_window() -> None:
    """They have sweeps of their status, and no end that a window could be near."""
    runner, *_ = follow({f"o{number}": opened(NOW) for number in range(5)}, shown=[f"o{n}" for n in range(5)])
    assert runner.sweeps == []
    assert len(runner.by_id) == 5


def test_where_windows_have_few_of_their_tasks_one_without_an_end_is_tried() -> None:
    """The source filters by the time of the last change: no window of the creation has them."""

    def listed(query: TaskQuery) -> Iterable[str]:
        return ["n0"] if query.end_time else NEAR

    runner, gone, pages = follow(NEAR, listed=listed)
    whole = Sweep(TaskQuery(start_time=NEAR["n3"].created_at - PAD), SETTLE_REASON)
    assert runner.sweeps == [Sweep(WINDOW, SETTLE_REASON), whole]
    assert (runner.by_id, gone, pages) == ([], (), 2)
    # Not for half of them: these are read by id.
    runner, gone, _ = follow(NEAR, listed=lambda _query: ["n0", "n1"], shown=["n2", "n3"])
    assert runner.sweeps == [Sweep(WINDOW, SETTLE_REASON)]
    assert (runner.by_id, gone) == (["n2", "n3"], ())


def test_a_task_is_gone_if_neither_its_id_nor_its_day_has_it() -> None:
    followed = {
        "a": opened(NOW),
        "b": opened(NOW - 1 * DAY),
        "c": opened(NOW - 1 * DAY),
        "d": opened(NOW - 3 * DAY),
    }
    yesterday = (NOW - DAY).date()

    def listed(query: TaskQuery) -> Iterable[str]:
        return ["c"] if query == day_window(yesterday) else []

    # The source refuses to show d, which says nothing about it.
    runner, gone, pages = follow(followed, listed=listed, shown=["a"], unknown=["c", "b"])
    assert gone == ("b",)
    assert runner.sweeps == [
        Sweep(day_window(day), "tasks not available by id") for day in ((NOW - 3 * DAY).date(), yesterday)
    ]
    assert pages == 2
