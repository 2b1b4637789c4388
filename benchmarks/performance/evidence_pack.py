"""Measures a report with its evidence pack, and the verification of the pack, after a real first load.

Run: python benchmarks/performance/evidence_pack.py [--tasks 1000000] [--place FOLDER]. The records are those
of the other benchmarks here; the data are removed at the end.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from loaders import configure
from measured import COMMAND, run, served
from records import PERIOD, write_records

STEPS = {
    "load": ("load",),
    "report": ("report", "--period", "week", "--out", "plain"),
    "report --audit": ("report", "--period", "week", "--audit", "--out", "audit"),
    "verify-pack": ("verify-pack", "audit/evidence.zip"),
    "check": ("check",),
}
"""The commands, in their order."""


def main() -> None:
    """Loads, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, help="Folder for temporary data.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.place) as name:
        folder = Path(name)
        write_records(folder / "records.ndjson", arguments.tasks, datetime.now(UTC))
        with served(folder / "records.ndjson") as url:
            configure(folder, url, history=f"{PERIOD.days + 2}d")
            print("seconds    CPU-s  peak MB  command")
            for step, words in STEPS.items():
                found = run([*COMMAND, *words], folder, may_fail=step == "check")
                line = f"{found.wall_seconds:7.1f}  {found.cpu_seconds:7.1f}  {found.peak_mb:7.0f}  {step}"
                print(line, flush=True)
        pack = folder / "audit" / "evidence.zip"
        print(f"{arguments.tasks:,} tasks; the pack has {pack.stat().st_size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
