"""Lateness of a source whose tasks appear late and change after their end, against its own truth."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cbr_warehouse.settings.analytics import AnalyticsSettings
from support.command_line import Workplace
from support.emulator_server import Emulated, Warehouse, emulated
from support.lateness_by_hand import Look, Rules, Sighted, compute_lateness

RULES = Rules(watch=timedelta(days=1))
EVERY = timedelta(hours=5)
DIALECT = ["late=0.2", "late_by=20h", "edited=0.1"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Emulated]]:
    """Three days of a source, loaded every five hours."""
    with emulated(tasks=150, days=3, dialect=DIALECT) as source:
        warehouse = Warehouse(
            tmp_path_factory.mktemp("late"),
            source,
            history="3d",
            analytics=AnalyticsSettings(lateness_watch=RULES.watch),
        )
        for _ in range(15):
            warehouse.load()
            source.advance(EVERY)
        yield warehouse, source


def test_the_view_agrees_with_another_computation(watched: tuple[Warehouse, Emulated]) -> None:
    warehouse, _ = watched
    looks = [
        Look(started_at, finished_at, purpose == "deep")
        for started_at, finished_at, purpose in warehouse.ask(
            "SELECT started_at, finished_at, purpose FROM loads WHERE outcome = 'done'"
        )
    ]
    tasks = [
        Sighted(created_at, ended_at, tuple((seen, has_end) for seen, has_end in versions))
        for created_at, ended_at, versions in warehouse.ask(
            "SELECT t.created_at, t.ended_at, list((v.first_seen_at, v.ended_at IS NOT NULL)) "
            "FROM tasks AS t JOIN task_versions AS v USING (source, task_id) "
            "GROUP BY t.task_id, t.created_at, t.ended_at"
        )
    ]
    expected = compute_lateness(looks, tasks, RULES)
    columns = list(expected["created"])
    found = {
        measure: dict(zip(columns, values, strict=True))
        for measure, *values in warehouse.ask(f"SELECT measure, {', '.join(columns)} FROM analytics.lateness")
    }
    assert found == expected
    assert all((row["late"] or 0) > 3 for row in expected.values())


def test_the_truth_lies_between_the_bounds(watched: tuple[Warehouse, Emulated]) -> None:
    warehouse, source = watched
    truth = httpx.get(f"{source.url}/__emulator/truth", timeout=60).json()
    delays = {
        one["tasks"][0]: _instant(one["ends_at"]) - _instant(one["begins_at"])
        for one in truth["episodes"]
        if one["kind"] == "late_task"
    }
    seen = warehouse.ask("SELECT task_id FROM tasks WHERE created_at >= (SELECT min(started_at) FROM loads)")
    real = sorted(delays.get(task_id, timedelta()) for (task_id,) in seen)
    ((least, most),) = warehouse.ask(
        "SELECT max_at_least_seconds, max_at_most_seconds FROM analytics.lateness WHERE measure = 'created'"
    )
    assert least <= real[-1].total_seconds() <= most
    assert most - least <= EVERY.total_seconds() + 24 * 3600


def test_status_shows_both_bounds_and_every_recent_day(
    watched: tuple[Warehouse, Emulated], tmp_path: Path
) -> None:
    warehouse, _ = watched
    words = ("--data-dir", str(warehouse.directory.root), "status")
    (source,) = json.loads(Workplace(tmp_path).run(*words, "--json").out)
    assert [one["measure"] for one in source["lateness"]] == ["created", "ended", "changed", "settled"]
    days = [one["day"] for one in source["day_finality"]]
    assert days == sorted(days)
    assert len(days) == 2
    printed = Workplace(tmp_path).run(*words).out
    created = source["lateness"][0]
    assert created["left_out"] > 1
    assert f"{created['left_out']} tasks are left out" in printed
    assert "p99.99 of fewer than 10,000 tasks is the maximum" in printed
    for one in source["day_finality"]:
        assert f"{one['day']} {int(one['probability_final'] * 100)} %" in printed


def _instant(printed: str) -> datetime:
    found = datetime.fromisoformat(printed)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
