"""What simulated loads come to: percentiles of requests, waits, utilisation and lateness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from budgets import Done, Site
from estate import ModelSource, micros
from numpy.typing import NDArray

from cbr_warehouse.extract.plan import Purpose

SECONDS = 3600


@dataclass(frozen=True)
class Day:
    """One simulated day.

    Attributes:
        start: Its midnight, UTC.
        loads: Its loads.
        sent: Requests by user and hour since ``began``.
        cpu_seconds: CPU time of each process.
        created: Creation of the tasks of each source, microseconds since 1970, ascending.
        began: Start of the simulation, UTC, from which the instants of loads are counted.
    """

    start: datetime
    loads: Sequence[Done]
    sent: Mapping[tuple[int, int], int]
    cpu_seconds: Sequence[float]
    created: Mapping[int, NDArray[np.int64]]
    began: datetime


def summarize_days(days: Sequence[Day], site: Site, sources: Sequence[ModelSource]) -> dict[str, Any]:
    """The figures of some days together.

    Args:
        days: The days.
        site: What loads ran on.
        sources: The sources.
    """
    loads = [one for day in days for one in day.loads]
    ran = [one for one in loads if one.began_at is not None]
    good = [one for one in ran if not one.has_failed]
    hourly = site.quota * SECONDS / site.quota_seconds
    used = _with_idle(days, sources) / hourly
    cpu = np.concatenate([np.asarray(day.cpu_seconds) for day in days])
    deep = [one.needs.requests for one in loads if one.needs.purpose is Purpose.DEEP]
    usual = [one.needs.requests for one in loads if one.needs.purpose is not Purpose.DEEP]
    lateness = np.concatenate([_lateness(day) for day in days])
    return {
        "loads": len(loads),
        "requests": int(sum(sum(day.sent.values()) for day in days)),
        "rejected": sum(one.rejected for one in ran),
        "failed": len(ran) - len(good),
        "left_out": len(loads) - len(ran),
        "new_tasks": sum(one.needs.new for one in loads),
        "requests_of_an_hourly_load": _spread(usual),
        "requests_of_a_deep_load": _spread(deep),
        "quota_used": _spread(used),
        "waited_seconds_of_a_load": _spread([one.waited_seconds for one in good]),
        "duration_seconds_of_a_load": _spread(
            [one.ended_at - one.began_at for one in good if one.ended_at and one.began_at is not None]
        ),
        "tick_seconds": _spread(_ticks(days)),
        "lateness_seconds": _spread(lateness),
        "core_used": _spread(cpu / (24 * SECONDS)),
        "cpu_seconds_of_a_load": float(cpu.sum() / max(1, len(ran))),
    }


def summarize_hours(days: Sequence[Day], sources: int) -> dict[str, Any]:
    """Requests of all sources by UTC hour: the mean of the days, and the most."""
    by_hour = np.zeros((len(days), 24))
    for number, day in enumerate(days):
        first = int((day.start - day.began).total_seconds()) // SECONDS
        for (_, hour), requests in day.sent.items():
            by_hour[number, hour - first] += requests
    return {
        "sources": sources,
        "mean": [round(float(value), 1) for value in by_hour.mean(axis=0)],
        "most": [int(value) for value in by_hour.max(axis=0)],
    }


def convergence(
    seasons: Sequence[Sequence[Day]], site: Site, sources: Sequence[ModelSource]
) -> list[dict[str, Any]]:
    """The main figures by the number of days of each season."""
    rows = []
    for number in range(1, len(seasons[0]) + 1):
        found = summarize_days([day for season in seasons for day in season[:number]], site, sources)
        rows.append(
            {
                "days": number,
                "loads": found["loads"],
                "requests_a_load": found["requests"] / found["loads"],
                "rejected": found["rejected"] / found["requests"],
                "lateness_p50": found["lateness_seconds"]["p50"],
                "lateness_p99": found["lateness_seconds"]["p99"],
                "core_used_mean": found["core_used"]["mean"],
            }
        )
    return rows


def _lateness(day: Day) -> NDArray[np.float64]:
    """Of each task of a day's loads the seconds from its creation to the publication that has it."""
    by_source: dict[int, list[Done]] = {}
    for one in day.loads:
        by_source.setdefault(one.needs.source, []).append(one)
    begin, late = micros(day.began), []
    for number, loads in by_source.items():
        created = day.created[number]
        since = int(np.searchsorted(created, micros(loads[0].needs.planned_at) - SECONDS * 1_000_000))
        for one in loads:
            if one.published_at is None or one.has_failed:
                continue  # the next load has them
            until = int(np.searchsorted(created, micros(one.needs.planned_at)))
            late.append((begin + one.published_at * 1e6 - created[since:until]) / 1e6)
            since = until
    return np.concatenate(late) if late else np.array([])


def _ticks(days: Sequence[Day]) -> list[float]:
    """Seconds from each full hour until the last of its loads has ended."""
    ends: dict[tuple[datetime, datetime], float] = {}
    for day in days:
        for one in day.loads:
            hour = one.needs.planned_at.replace(minute=0, second=0, microsecond=0)
            if one.ended_at is not None:
                took = one.ended_at - (hour - day.began).total_seconds()
                ends[day.start, hour] = max(took, ends.get((day.start, hour), 0.0))
    return list(ends.values())


def _with_idle(days: Sequence[Day], sources: Sequence[ModelSource]) -> NDArray[np.float64]:
    """Requests of each user in each hour, hours without any included."""
    users = sorted({source.user for source in sources})
    sent = []
    for day in days:
        first = int((day.start - day.began).total_seconds()) // SECONDS
        sent += [day.sent.get((user, first + hour), 0) for user in users for hour in range(24)]
    return np.asarray(sent, np.float64)


def _spread(values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """Mean, median, 99th percentile and maximum; zeros without values."""
    found = np.asarray(values, np.float64)
    if not len(found):
        return dict.fromkeys(("mean", "p50", "p99", "max"), 0.0)
    p50, p99 = np.percentile(found, (50, 99))
    named = {"mean": found.mean(), "p50": p50, "p99": p99, "max": found.max()}
    return {name: round(float(value), 4) for name, value in named.items()}
