"""``make simulate-capacity``: a year of hourly loads of many sources, by the real planner and the real pace.

Exact: every load of every source in some whole days of each season, request by request; and every load of a
few sources in all hours of the year, planned but not sent. The year's figures are those days' means. Writes
``benchmarks/capacity/results.json``, from which ``make docs`` makes docs/scale.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from budgets import Done, Simulation, Site
from costs import read_costs
from estate import ModelSource, draw_tasks, make_sources
from planning import DAYS_BEFORE, LoadNeeds, SourceLoads
from summary import Day, convergence, summarize_days, summarize_hours

HERE = Path(__file__).resolve().parent
DAY = timedelta(days=1)
HOURS_OF_YEAR = 8760
YEAR_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
SEASONS = (datetime(2026, 1, 14, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC),
           datetime(2026, 7, 17, tzinfo=UTC), datetime(2026, 10, 14, tzinfo=UTC))  # fmt: skip
"""First days: a Wednesday, a Thursday before the first of a month, a Friday before a weekend, a Wednesday."""

LATEST_SECONDS = 40
"""Loads begin at most so many seconds after the full hour: schedules are not exact."""


@dataclass(frozen=True)
class Season:
    """Some whole days to simulate.

    Attributes:
        sources: The sources.
        site: What they run on.
        start: The first midnight, UTC.
        days: How many days.
        seed: Seed.
    """

    sources: tuple[ModelSource, ...]
    site: Site
    start: datetime
    days: int
    seed: int


def plan_hours(source: ModelSource, start: datetime, hours: int) -> list[LoadNeeds]:
    """Plans the hourly loads of a source.

    Args:
        source: The source.
        start: The midnight before the first, UTC.
        hours: Number of loads.
    """
    tasks = draw_tasks(source, start - DAYS_BEFORE * DAY, start + (hours // 24 + 1) * DAY)
    loads = SourceLoads(source, tasks, start)
    late = Random(f"{source.seed} {source.number} {start.toordinal()}")  # noqa: S311  a simulation
    return [
        loads.load(start + timedelta(hours=hour, seconds=late.uniform(1, LATEST_SECONDS)))
        for hour in range(hours)
    ]


def plan_season(season: Season) -> list[list[LoadNeeds]]:
    """Plans the loads of a season, by hour; what they run on changes nothing of it."""
    hours = 24 * season.days
    by_source = [plan_hours(source, season.start, hours) for source in season.sources]
    return [[loads[hour] for loads in by_source] for hour in range(hours)]


def simulate_season(season: Season, planned: list[list[LoadNeeds]] | None = None) -> list[Day]:
    """Simulates the days of a season, one after the other without a pause between them."""
    start = season.start
    held = [source.tasks_a_day * (start - YEAR_BEGINS).days for source in season.sources]
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(season.site, season.sources, held, Path(folder), season.seed)
        done = simulation.run(planned or plan_season(season))
    created = {
        source.number: draw_tasks(source, start - DAY, start + season.days * DAY).created
        for source in season.sources
    }
    return [_day_of(number, season, done, simulation, created) for number in range(season.days)]


def _day_of(number: int, season: Season, done: Sequence[Done], simulation: Simulation, created: Any) -> Day:
    each = 24 * len(season.sources)
    first = number * 24
    sent = {key: value for key, value in simulation.sent.items() if first <= key[1] < first + 24}
    loads = done[number * each : (number + 1) * each]
    cpu = [seconds / season.days for seconds in simulation.cpu_seconds]
    begin = season.start + number * DAY
    return Day(begin, loads, sent, cpu, created, season.start)


def simulate(sources: Sequence[ModelSource], site: Site, days: int, seed: int, jobs: int) -> list[list[Day]]:
    """Simulates whole days of each season; returns them by season."""
    seasons = [
        Season(tuple(sources), site, start, days, seed + number) for number, start in enumerate(SEASONS)
    ]
    if jobs == 1:
        return [simulate_season(season) for season in seasons]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(simulate_season, seasons))


def main() -> None:
    """Simulates what the options say."""
    arguments = _options()
    began = time.process_time()
    costs = read_costs()
    site = costs.site(arguments.processes)
    sources = make_sources(arguments.sources, arguments.seed, site.quota / site.quota_seconds)
    say(f"{len(sources):,} sources, {arguments.days} days of each season ...")
    seasons = simulate(sources, site, arguments.days, arguments.seed, arguments.jobs)
    days = [day for season in seasons for day in season]
    found: dict[str, Any] = {
        "settings": vars(arguments) | {"out": arguments.out.name, "hours": HOURS_OF_YEAR},
        "days": summarize_days(days, site, sources),
        "hours": summarize_hours(days, len(sources)),
        "convergence": convergence(seasons, site, sources),
    }
    say(f"one day with other means, and {arguments.year_sources} sources in all hours of the year ...")
    found["variants"] = _variants(sources, site, arguments.seed)
    found["year"] = _year(sources[: arguments.year_sources], days)
    say(f"{time.process_time() - began:.0f} CPU-s in this process")
    text = json.dumps(found, indent=1, sort_keys=True)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({key: found["days"][key] for key in sorted(found["days"])}, indent=1))


def _variants(sources: Sequence[ModelSource], site: Site, seed: int) -> dict[str, Any]:
    """A day of the first season with other processes, with reflinks, and without a quota."""
    none = 10**9
    variants = {
        "one process": replace(site, processes=1),
        "one process for each 100 sources": replace(site, processes=max(1, len(sources) // 100)),
        "the file system makes reflinks": replace(site, publication_seconds=lambda _tasks: 1.0),
        "no quota at the source": replace(site, quota=none),
    }
    season = Season(tuple(sources), site, SEASONS[-1], 1, seed)
    planned = plan_season(season)
    return {
        name: summarize_days(simulate_season(replace(season, site=variant), planned), variant, sources)
        for name, variant in {"as above": site, **variants}.items()
    }


def _year(sources: Sequence[ModelSource], days: Sequence[Day]) -> dict[str, Any]:
    """Requests of some sources in all hours of the year, beside the days that all were simulated on."""
    numbers = {source.number for source in sources}
    whole = [plan_hours(source, YEAR_BEGINS, HOURS_OF_YEAR) for source in sources]
    of_year = [needs.requests for loads in whole for needs in loads]
    of_days = [one.needs.requests for day in days for one in day.loads if one.needs.source in numbers]
    months: dict[int, list[int]] = {}
    for loads in whole:
        for needs in loads:
            months.setdefault(needs.planned_at.month, []).append(needs.requests)
    return {
        "sources": len(sources),
        "loads": len(of_year),
        "requests_a_load": sum(of_year) / max(1, len(of_year)),
        "requests_a_load_in_sampled_days": sum(of_days) / max(1, len(of_days)),
        "by_month": {month: sum(found) / len(found) for month, found in sorted(months.items())},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=1000, help="sources (1,000)")
    parser.add_argument("--days", type=int, default=2, help="whole days of each season (2)")
    parser.add_argument("--year-sources", type=int, default=8, help="sources planned in all 8,760 hours (8)")
    parser.add_argument(
        "--processes", type=int, default=4, help="processes, each with its data directory (4)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed (1)")
    parser.add_argument("--jobs", type=int, default=2, help="seasons simulated at once (2)")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="file of results")
    return parser.parse_args()


def say(line: str) -> None:
    """Prints a line without buffering."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
