"""``make alarms``: measures precision and recall of every alarm on estates of the emulator.

Writes ``pipelines/cbr_warehouse/analytics/alarm_accuracy.json``; ``make docs`` makes ``docs/alarms.md``.
Thresholds were chosen on seeds 1 to 60; what is written is measured on those from 1001 on.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from support.alarm_estates import NOW, analyze
from support.alarm_matching import ALARMS, Alarm, Event, Score, events_of, score

RESULT = Path(__file__).parents[2] / "pipelines/cbr_warehouse/analytics/alarm_accuracy.json"
FIRST_SEED, ESTATES = 1001, 200
BATCH = 10
"""Estates in one warehouse."""


def measure(seeds: Sequence[int], *, verbose: bool = False) -> dict[int, dict[str, Any]]:
    """For each seed its resource-months and the score of each alarm, as in the file."""
    found = {}
    for group in (seeds[first : first + BATCH] for first in range(0, len(seeds), BATCH)):
        for seed, analyzed in zip(group, analyze(group), strict=True):
            events = events_of(analyzed.estate, NOW)
            raised = {name: [one for one in analyzed.alarms if one.name == name] for name in ALARMS}
            scores = {name: astuple(score(events[name], raised[name])) for name in ALARMS}
            found[seed] = {"resource_months": round(analyzed.resource_months, 1), **scores}
            if verbose:
                for name in ALARMS:
                    _print_errors(seed, name, events[name], raised[name])
    return found


def _print_errors(seed: int, name: str, events: Iterable[Event], alarms: Iterable[Alarm]) -> None:
    events, alarms = list(events), list(alarms)
    for event in events:
        if event.is_required and not any(event.matches(alarm) for alarm in alarms):
            sys.stderr.write(f"seed {seed}: {name} not found: {event}\n")
    for alarm in alarms:
        if not any(event.matches(alarm) for event in events):
            sys.stderr.write(f"seed {seed}: {name} false: {alarm}\n")


def summarize(measured: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The file: totals of each alarm, and what each seed gave."""
    names = Score.__dataclass_fields__
    totals = {
        name: dict(
            zip(names, map(sum, zip(*(one[name] for one in measured.values()), strict=True)), strict=True)
        )
        for name in ALARMS
    }
    return {
        "estates": len(measured),
        "seeds": [min(measured), max(measured)],
        "resource_months": round(sum(one["resource_months"] for one in measured.values())),
        "alarms": totals,
        "by_seed": {str(seed): one for seed, one in measured.items()},
    }


def main() -> None:
    """Measures, prints the totals and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--estates", type=int, default=ESTATES)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--verbose", action="store_true", help="print every alarm that is wrong or missing")
    parser.add_argument("--dry-run", action="store_true", help="do not write the file")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.estates)
    result = summarize(measure(seeds, verbose=options.verbose))
    totals = {key: value for key, value in result.items() if key != "by_seed"}
    sys.stdout.write(json.dumps(totals, indent=2) + "\n")
    if not options.dry_run:
        write(result)


def write(result: Mapping[str, Any]) -> None:
    """Writes the file, a line for each seed."""
    head = json.dumps({key: value for key, value in result.items() if key != "by_seed"}, indent=2)[:-2]
    rows = ",\n".join(f'    "{seed}": {json.dumps(row)}' for seed, row in result["by_seed"].items())
    RESULT.write_text(f'{head},\n  "by_seed": {{\n{rows}\n  }}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
