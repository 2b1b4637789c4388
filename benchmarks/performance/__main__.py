"""``make bench``: measures loads, and writes what was measured to a file for ``tools/performance.py``."""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from first_loads import compare_first_loads
from loaders import LOADERS
from records import write_records

WARM_UP = 1000
"""Records of a first run of each loader that does not count: it compiles what Python imports."""


def main() -> None:
    """Measures what the options name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="records of a first load (100,000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each loader (3)")
    parser.add_argument("--loaders", default="", help="only those whose name contains one of these words")
    parser.add_argument("--folder", type=Path, help="where to write temporary data")
    parser.add_argument("--out", type=Path, help="file of results; those of other benchmarks in it stay")
    arguments = parser.parse_args()
    words = arguments.loaders.split(",")
    loaders = [one for one in LOADERS if any(word in one.name for word in words)]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        now = datetime.now(UTC)
        say("warming up")
        small = Path(folder) / "small.ndjson"
        write_records(small, WARM_UP, now)
        compare_first_loads(small, WARM_UP, loaders, 1, lambda _: None)
        file = Path(folder) / "records.ndjson"
        write_records(file, arguments.size, now)
        results = compare_first_loads(file, arguments.size, loaders, arguments.repeats, say)
    if arguments.out:
        known = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
        known[f"first load of {arguments.size}"] = results
        arguments.out.write_text(json.dumps(known, indent=1) + "\n")


def say(line: str) -> None:
    """Prints a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
