"""What loads were measured to cost, read from the results of the benchmarks; nothing is typed in here.

``make bench`` writes these results; what nobody can measure here is in ``inputs.toml`` with its source.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from budgets import Site

from cbr_warehouse.settings.model import Settings

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "benchmarks" / "performance"
SAMPLE = 100_000
"""Tasks of the first load that the figures are from: each of its tasks has ids of its own."""

SOURCES_AT_ONCE: int = Settings.model_fields["sources_at_once"].default
"""The default of the setting ``sources_at_once``."""


@dataclass(frozen=True)
class Costs:
    """Measured costs.

    Attributes:
        results: The results of ``make bench``, by benchmark.
        inputs: What is not measured here, by name.
        quiet_cpu_seconds: CPU time of a load without news of one source among many of an account.
        task_cpu_seconds: CPU time for each task of a first load.
        warehouse_bytes: Bytes of the published file for each task.
        dagster: CPU seconds of a run without news: of the job that loads, and of the one that publishes.
    """

    results: dict[str, Any]
    inputs: dict[str, Any]
    quiet_cpu_seconds: float
    task_cpu_seconds: float
    warehouse_bytes: float
    dagster: tuple[float, float]

    def price(self, name: str) -> float:
        """A list price, or what one is assumed to be."""
        group = "prices" if name in self.inputs["prices"] else "assumptions"
        return float(self.inputs[group][name]["value"])

    def fact(self, name: str) -> float:
        """A cited fact."""
        return float(self.inputs["facts"][name]["value"])

    def site(self, processes: int) -> Site:
        """Processes that load at these costs."""
        facts = {name: fact["value"] for name, fact in self.inputs["facts"].items()}
        return Site(
            processes=processes,
            sources_at_once=SOURCES_AT_ONCE,
            quota=facts["quota"],
            quota_seconds=facts["quota_seconds"],
            latency_seconds=self.inputs["assumptions"]["latency"]["value"],
            quiet_cpu_seconds=self.quiet_cpu_seconds,
            task_cpu_seconds=self.task_cpu_seconds,
            publication_seconds=partial(_copy_seconds, facts["copy"] * self.warehouse_bytes / 1e9),
        )


def read_costs(other_values: Mapping[str, float] | None = None) -> Costs:
    """Reads what was measured.

    Args:
        other_values: Values to use in place of those of ``inputs.toml``, by name.
    """
    results = json.loads((MEASURED / "results.json").read_text(encoding="utf-8"))
    inputs = tomllib.loads((Path(__file__).parent / "inputs.toml").read_text(encoding="utf-8"))
    for name, value in (other_values or {}).items():
        _input_named(inputs, name)["value"] = value
    first = results[f"first {SAMPLE}"]["runs"]["cbr-warehouse"]
    largest = max(
        (one for name, one in results["increments"].items() if name != "machine"), key=lambda one: one["held"]
    )
    return Costs(
        results,
        inputs,
        quiet_cpu_seconds=float(many_sources()["quiet_cpu_seconds"]),
        task_cpu_seconds=median(run["cpu_seconds"] for run in first) / SAMPLE,
        warehouse_bytes=largest["warehouse_mb"] * 1e6 / largest["held"],
        dagster=_runs_of_dagster(),
    )


def stage_seconds() -> dict[str, float]:
    """CPU seconds of the stages of a first load, by the profile in ``limits.md``."""
    text = (MEASURED / "limits.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| ([a-z ]+) \| ([\d.]+) \|", text, re.MULTILINE))
    return {stage: float(seconds) for stage, seconds in found.items()}


def many_sources() -> dict[str, str]:
    """The row with the most projects of what ``benchmarks/many_sources.py`` printed."""
    text = (MEASURED / "many_sources.md").read_text(encoding="utf-8")
    number = r"[\d.]+"
    row = (
        rf"^\| (?P<projects>\d+) \| {number} \| {number} \| (?P<quiet_cpu_seconds>{number}) "
        rf"\| (?P<peak>[\d,]+) \| (?P<threads>\d+) \| {number} \| {number} \|$"
    )
    rows = [found.groupdict() for found in re.finditer(row, text, re.MULTILINE)]
    return max(rows, key=lambda one: int(one["projects"]))


def time_of_analytics() -> str:
    """What the analytics take, by what ``benchmarks/analytics_at_scale.py`` printed."""
    text = (MEASURED / "analytics.txt").read_text(encoding="utf-8")
    tasks = re.findall(r"^([\d,]+) tasks generated", text, re.MULTILINE)[0]
    took = dict(re.findall(r"^(\S.*?)\s+(\d+\.\d\d)\s+\d+\.\d\d(?:\s+[\d,]+ rows)?$", text, re.MULTILINE))
    return (
        f"With {tasks} tasks of one source, base tables are made in {took['base tables, full rebuild']} "
        f"CPU-seconds and all views computed in {took['all views']} ([measured](performance.md#analytics))."
    )


def megabytes(costs: Costs) -> dict[str, float]:
    """10^6 bytes of a million tasks, by station."""
    own = costs.results[f"first {SAMPLE}"]["runs"]["cbr-warehouse"]
    times = 1_000_000 / SAMPLE
    raw, tables, stored = (
        median(run[f"{name}_mb"] for run in own) * times for name in ("raw", "tables", "stored")
    )
    return {"raw": raw, "tables": tables, "warehouse": stored - raw - tables}


def _input_named(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    for group in inputs.values():
        if name in group:
            found: dict[str, Any] = group[name]
            return found
    raise SystemExit(
        f"{name} is not one of the inputs: {', '.join(sorted(n for g in inputs.values() for n in g))}"
    )


def _copy_seconds(seconds_a_task: float, tasks: float) -> float:
    return 0.5 + seconds_a_task * tasks


def _runs_of_dagster() -> tuple[float, float]:
    """The sums of what ``benchmarks/scheduled/tick.py`` printed, as docs/dagster.md has them."""
    text = (ROOT / "docs" / "dagster.md").read_text(encoding="utf-8")
    found = re.search(r"^\| all \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    if found is None:
        raise SystemExit("docs/dagster.md has no row `all` of what a run costs")
    return float(found[1]), float(found[2])
