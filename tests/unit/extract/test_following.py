"""Tasks that may still change are read until they end, also where the source does not show one by its id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbr_warehouse.errors import ForbiddenError, PermanentSourceError, SourceError
from cbr_warehouse.source.page import Page
from support.living_source import Dialect, LivingSource, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
DAYS_AGO = NOW - timedelta(days=4)
HORIZON = datetime(2026, 11, 13, tzinfo=UTC)


class OnlyLists(LivingSource):
    """Shows no single task: says that there is none, or refuses to say."""

    refusal: SourceError | None = None

    def show_task(self, task_id: str) -> Page:
        self._tick()
        if self.refusal is not None:
            raise self.refusal
        return Page((), None, self.now, None, None, None, 404)


@pytest.mark.parametrize(
    "refusal",
    [None, ForbiddenError("You lack cbr:tasks:get.", 403), PermanentSourceError("No such address.", 404)],
    ids=["unknown", "forbidden", "refused"],
)
def test_a_task_that_ends_long_after_is_read_from_the_list(
    tmp_path: Path, refusal: SourceError | None
) -> None:
    source = OnlyLists(NOW, tasks=living(NOW, 5, Dialect()).tasks)
    source.refusal = refusal
    ends = NOW + timedelta(hours=1)
    source.tasks.append(
        replace(
            source.tasks[0],
            id="long",
            created_at=DAYS_AGO,
            started_at=DAYS_AGO,
            ended_at=ends,
            visible_from=DAYS_AGO,
        )
    )
    bench = Bench(tmp_path, source)
    bench.load(publish=False)
    assert bench.stored()["long"][0] == "running"
    source.now += timedelta(hours=2)
    assert bench.load(publish=False).sources[0].is_good
    assert bench.stored()["long"] == bench.truth(HORIZON)["long"]


def test_long_tasks_come_though_no_window_has_them_and_no_count_tells(tmp_path: Path) -> None:
    """A window by start and end has no task that began before it or ended after it."""
    dialect = Dialect(column="started_at", end_column="ended_at", count="page")
    source = living(NOW, 5, dialect)
    began = DAYS_AGO - timedelta(days=2)
    source.tasks.append(
        replace(
            source.tasks[0],
            id="long",
            created_at=began,
            started_at=began,
            ended_at=DAYS_AGO + timedelta(days=1),
            visible_from=began,
        )
    )
    bench = Bench(tmp_path, source)
    bench.load(publish=False)
    assert bench.truth(HORIZON).items() <= bench.stored().items()


WAVE = 60


@pytest.mark.parametrize(
    ("column", "most"),
    [("created_at", 30), ("started_at", 30), ("updated_at", WAVE + 40)],
)
def test_a_wave_of_tasks_that_ends_between_two_loads_is_not_asked_for_one_by_one(
    tmp_path: Path, column: str, most: int
) -> None:
    """Unless the source filters by another time than their creation or start: then each is asked for."""
    source = living(NOW, 5, Dialect(column=column))
    began = NOW - timedelta(hours=6)
    source.tasks += [
        replace(
            source.tasks[0],
            id=f"wave{number}",
            created_at=began + number * timedelta(minutes=1),
            started_at=began + number * timedelta(minutes=1),
            ended_at=NOW + timedelta(minutes=30),
            visible_from=began,
        )
        for number in range(WAVE)
    ]
    bench = Bench(tmp_path, source)
    for _ in range(2):
        assert bench.load(publish=False).sources[0].is_good
    assert bench.stored()["wave0"][0] == "running"
    source.now += timedelta(hours=1)
    before = source.requests_made
    assert bench.load(publish=False).sources[0].is_good
    assert bench.stored() == bench.truth(HORIZON)
    assert source.requests_made - before <= most
