"""The warehouse equals the source under every dialect, and never claims a day complete that is not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from support.living_source import living
from support.load_bench import DIALECTS, Bench

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)
HORIZON = datetime(2026, 11, 13, tzinfo=UTC)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_quiet_source_is_held_whole(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, living(NOW, 1, DIALECTS[name]))
    bench.load()
    bench.load()
    truth = bench.truth(HORIZON)
    held = bench.held()
    assert {task_id: held.get(task_id) for task_id in truth} == truth
    assert held.keys() <= bench.source.served().keys()


@pytest.mark.parametrize("name", DIALECTS)
def test_a_living_source_is_held_whole_after_a_deep_load(tmp_path: Path, name: str) -> None:
    source = living(NOW, 2, DIALECTS[name], pace=timedelta(seconds=7))
    bench = Bench(tmp_path, source)
    random = Random(3)
    for hours in (0, 1, 30):
        source.now += timedelta(hours=hours)
        for _ in range(15):
            source.add(
                random,
                source.now - timedelta(hours=random.uniform(0, 40)),
                late=timedelta(hours=random.uniform(0, 20)),
            )
        bench.load()
    source.pace = timedelta()
    bench.load(deep=True)
    truth = bench.truth(HORIZON + timedelta(days=2))
    held = bench.held()
    assert {task_id: held.get(task_id) for task_id in truth} == truth
    for day in bench.complete_days():
        of_day = {task_id for task_id, row in truth.items() if row[1].date() == day}
        assert of_day <= held.keys(), f"{day} is called complete"


@pytest.mark.parametrize("name", DIALECTS)
def test_what_counts_cannot_prove_is_not_complete(tmp_path: Path, name: str) -> None:
    dialect = DIALECTS[name]
    bench = Bench(tmp_path, living(NOW, 4, dialect))
    bench.load()
    complete = bench.complete_days()
    if dialect.count == "page":
        assert not complete
        return
    served_from = (NOW - min(dialect.retention, timedelta(days=8))).date()
    assert all(day > served_from for day in complete)
    assert len(complete) >= (2 if name == "short retention" else 6)
