"""The simulation of docs/scale.md plans what real loads request, and keeps the limits that it simulates."""

import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
HOURLY = 20
DAYS_BEFORE = 32


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """The modules of the simulation, and the simulated source of ``make bench``."""
    paths, known = list(sys.path), set(sys.modules)
    sys.path[:0] = [str(BENCHMARKS / "capacity"), str(BENCHMARKS / "performance")]
    import budgets
    import costs
    import estate
    import hourly
    import planning

    command = SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "capacity" / "__main__.py")))
    yield SimpleNamespace(
        budgets=budgets, costs=costs, estate=estate, hourly=hourly, planning=planning, command=command
    )
    sys.path[:] = paths
    for name in sys.modules.keys() - known:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def source_with_past(modules: Any, days: int) -> Any:
    """A source that has had tasks for some days when the first load begins."""
    source = modules.hourly.Source(HOURLY, modules.hourly.START - timedelta(days=days))
    for _ in range(24 * days):
        source.advance()
    return source


@pytest.mark.parametrize(
    ("days_before", "history", "hours", "within"),
    [
        pytest.param(0, "7d", 8, 0.2, id="new source"),
        pytest.param(DAYS_BEFORE, "30d", 2, 0.4, id="32 days of tasks"),
    ],
)
def test_planned_requests_are_those_of_real_loads(
    modules: Any, tmp_path: Path, days_before: int, history: str, hours: int, within: float
) -> None:
    past = source_with_past(modules, days_before)
    real = modules.hourly.simulate(tmp_path / "data", hours, HOURLY, source=past, history=history)
    created = np.array([modules.estate.micros(at) for at in past.created], np.int64)
    lasts = modules.hourly.LASTS // timedelta(microseconds=1)
    source = modules.estate.ModelSource(0, 1, 0, 1.0, 0, False, False, 0, None)
    loads = modules.planning.SourceLoads(
        source, modules.estate.Tasks(created, created + lasts), modules.hourly.START.replace(minute=0)
    )
    simulated = [loads.load(modules.hourly.START + timedelta(hours=1 + n)) for n in range(hours)]
    # The first one is deep in both; of a new source, which has empty days alone, the real one counts less.
    pairs = list(zip((one.requests for one in real), (one.requests for one in simulated), strict=True))
    if days_before:
        assert pairs[0][1] == pytest.approx(pairs[0][0], rel=0.1)
    assert [found for _, found in pairs[1:]] == pytest.approx([asked for asked, _ in pairs[1:]], rel=within)


@pytest.fixture(scope="module")
def simulate(modules: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Simulates a day of a few sources of one user, with changes of the sources and of the site."""
    site = modules.costs.read_costs().site(1)
    start = modules.command.SEASONS[0]
    drawn = [
        replace(one, user=0) for one in modules.estate.make_sources(6, 7, site.quota / site.quota_seconds)
    ]
    planned = modules.command.plan_season(modules.command.Season(tuple(drawn), site, start, 1, 7))

    def run(rate: float | None = None, **changes: Any) -> Any:
        changed = replace(site, **changes)
        sources = [replace(one, max_per_second=rate) for one in drawn]
        folder = tmp_path_factory.mktemp("pace")
        simulation = modules.budgets.Simulation(changed, sources, [0.0] * 6, folder, 7)
        done = simulation.run(planned)
        return SimpleNamespace(done=done, sent=simulation.sent, site=changed, sources=sources)

    return run


def test_every_planned_request_is_answered_once(simulate: Callable[..., Any]) -> None:
    found = simulate()
    wanted = sum(one.needs.requests for one in found.done)
    assert sum(found.sent.values()) == wanted + sum(one.rejected for one in found.done)
    assert not any(one.has_failed for one in found.done)
    assert all(one.published_at > one.ended_at > one.began_at for one in found.done)


def test_the_same_seed_gives_the_same_day(simulate: Callable[..., Any]) -> None:
    assert simulate().done == simulate().done


def test_a_shared_pace_keeps_a_quota_that_bursts_exceed(simulate: Callable[..., Any]) -> None:
    bursts, paced = simulate(), simulate(rate=200 / 300 / 6)
    assert sum(one.rejected for one in bursts.done) > 0
    assert sum(one.rejected for one in paced.done) == 0


def test_a_quota_that_is_too_small_fails_loads(simulate: Callable[..., Any]) -> None:
    assert any(one.has_failed for one in simulate(quota=5).done)


def test_a_load_that_outlasts_the_hour_leaves_the_next_one_out(simulate: Callable[..., Any]) -> None:
    found = simulate(latency_seconds=200.0)
    assert {one.began_at is None for one in found.done} == {True, False}
