# ruff: noqa: E501  # sentences of the page
"""Which limit is reached first: each by the number of sources that reach it."""

from collections.abc import Mapping
from typing import Any

from costs import SOURCES_AT_ONCE, Costs

LONGEST_PUBLICATION = 60
"""Seconds of a publication from which data are late because of it."""


def tasks_a_day(simulated: Mapping[str, Any]) -> float:
    """New tasks a day of a simulated source, on average."""
    days = simulated["days"]
    return float(days["new_tasks"] / days["loads"] * 24)


def reached(costs: Costs, simulated: Mapping[str, Any]) -> list[tuple[float, str, str, str]]:
    """The limits, by the number of sources of the simulated size that reach each."""
    days = simulated["days"]
    cpu, place = days["cpu_seconds_of_a_load"], days["duration_seconds_of_a_load"]["mean"]
    alone = costs.results["hourly"]["last_week_cpu"]
    new_tasks = tasks_a_day(simulated)
    hourly = days["requests_of_an_hourly_load"]["mean"]
    quota, window = costs.fact("quota"), costs.fact("quota_seconds")
    a_year = costs.warehouse_bytes * new_tasks * 365
    longest = LONGEST_PUBLICATION / costs.fact("copy") * 1e9
    files = costs.results["hourly"]["files"]
    return sorted(
        [
            (
                quota / hourly,
                "request budget of one user, all loads in five minutes",
                f"{quota:.0f} requests in {window / 60:.0f} minutes, if all loads of the user begin in them",
                "`max_requests_per_second`, and schedules that differ; a 429 only delays, as simulated below",
            ),
            (
                quota * 3600 / window / (days["requests"] / days["loads"]),
                "request budget of one user, over an hour",
                f"{quota * 3600 / window:,.0f} requests",
                "more users: one for each group of projects",
            ),
            (
                longest / a_year,
                f"one published file of a year, copied in more than {LONGEST_PUBLICATION} s",
                f"{longest / 1e9:,.0f} GB, or {longest / costs.warehouse_bytes / 1e6:,.0f} million tasks, at {costs.fact('copy'):.0f} s a GB without reflinks",
                "a file system with reflinks (XFS, Btrfs); a data directory for each group of sources",
            ),
            (
                3600 / costs.dagster[0],
                "one core of Dagster, with a run for each source and hour",
                f"{3600 / costs.dagster[0]:,.0f} runs an hour at {costs.dagster[0]:.1f} CPU-s",
                "`cbr-warehouse load` for a group of sources in one process; more cores",
            ),
            (
                SOURCES_AT_ONCE * 3600 / place,
                f"the {SOURCES_AT_ONCE} places of one process",
                f"a load takes one for {place:,.0f} s on average, most of it for its rate limit",
                "`sources_at_once`, up to 200; more processes",
            ),
            (
                3600 / cpu,
                "the core of one process",
                f"{cpu:.2f} CPU-s a load among many; a single source takes {alone:.2f} with its publication",
                "a process and a data directory for each group of sources",
            ),
            (
                3600 / (costs.quiet_cpu_seconds + new_tasks / 24 * costs.task_cpu_seconds),
                "the lock of one data directory",
                "held while tables are built and the warehouse is published: at most all CPU time of a load",
                "the same",
            ),
            (
                50_000_000 / files,
                "50 million inodes",
                f"{files} files of a source after a month of hourly loads; folded, so that they stop growing",
                "`cbr-warehouse maintain`, which each load runs in part",
            ),
        ]
    )
