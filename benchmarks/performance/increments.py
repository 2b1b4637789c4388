"""An hour's news beside different numbers of held tasks, dense days, and requests of a quiet source."""

import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from loaders import OWN, configure
from measured import (
    CHECKOUT,
    COMMAND,
    HERE,
    PYTHON,
    end_running,
    run,
    served,
    stats,
)
from old_loads import add_old_loads
from records import PERIOD, write_dense_day, write_records

Say = Callable[[str], None]

CHANGED = 5000
"""Tasks that run during the first load and end before the second."""

YEAR_OF_HOURS = 8760
"""Ledgers that a year of hourly loads leaves."""

STEPS = ("past loads", "changed", "settling", "nothing new", "reading ledgers", "nothing new, 8,760 ledgers")
"""The loads of an increment, in their order."""

MOST_DAYS = 1095
"""Days over which the most tasks are spread."""

QUIET = (
    "--tasks",
    "228",
    "--days",
    "31",
    "--freeze",
    "--fault",
    "bad_records=0.05",
    "--fault",
    "bad_records=garbage_time",
)
"""Options of an emulator some days of which can never be proved: they have malformed records."""


def measure_increments(place: Path, sizes: Sequence[int], say: Say) -> dict[str, Any]:
    """Measures a load of nothing new and one of 5,000 changed tasks, by the number of tasks held.

    The held tasks come from real loads of the source, which keeps its tasks for 31 days, one in 25 days. For
    the last load, the ledgers of a year of hourly loads are added; the load before it reads these for the
    first time.

    Args:
        place: Folder for temporary data.
        sizes: Numbers of held tasks.
        say: Reports progress.
    """
    return {str(size): _increment(place, size, say) for size in sizes}


def _increment(place: Path, size: int, say: Say) -> dict[str, Any]:
    days = min(MOST_DAYS, max(PERIOD.days, size // 4000))
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        write_records(folder / "records.ndjson", size, datetime.now(UTC), days)
        with served(folder / "records.ndjson", CHANGED) as url:
            configure(folder, url)
            found: dict[str, Any] = {"held": size, "days": days}
            for step in STEPS:
                if step == "changed":
                    end_running(url)
                elif step == "reading ledgers":
                    add_old_loads((folder / OWN.database).parent, "bench", YEAR_OF_HOURS)
                before = stats(url)["requests"]
                # By the added ledgers, loads were made in time for the first day, which was never complete:
                # it is reported as lost, once.
                loses_a_day = step == "reading ledgers"
                measured = run(_words(step, url, days), folder, may_fail=loses_a_day).as_json()
                measured["requests"] = stats(url)["requests"] - before
                measured |= _last_load(folder)
                found[step] = measured
                seconds, changed = measured["cpu_seconds"], measured["changed"]
                say(f"{size:,} held, {step}: {seconds:.2f} CPU-s, {changed:,} changed")
        if OWN.stored(folder).tasks != size or found["changed"]["changed"] != CHANGED:
            raise SystemExit(f"{size:,} held: stored {OWN.stored(folder)}, {found['changed']}")
        found["warehouse_mb"] = (folder / OWN.database).stat().st_size / 1e6
    return found


def _words(step: str, url: str, days: int) -> list[str]:
    if step == "past loads":
        return [PYTHON, str(HERE / "held_loads.py"), url, str(days)]
    return [*COMMAND, "load"]


def _last_load(folder: Path) -> dict[str, int]:
    query = "SELECT new, changed FROM loads ORDER BY load_id DESC LIMIT 1"
    with duckdb.connect(str(folder / OWN.database), read_only=True) as connection:
        new, changed = connection.execute(query).fetchall()[0]
    return {"new": int(new), "changed": int(changed)}


def measure_dense_day(place: Path, size: int, say: Say) -> dict[str, Any]:
    """Measures how many records a first load receives of a day with many.

    Args:
        place: Folder for temporary data.
        size: Tasks of the day.
        say: Reports progress.
    """
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        write_dense_day(folder / "records.ndjson", size, datetime.now(UTC))
        with served(folder / "records.ndjson") as url:
            configure(folder, url)
            measured = run([*COMMAND, "load"], folder).as_json()
            measured |= stats(url)
        if OWN.stored(folder).tasks != size:
            raise SystemExit(f"a dense day: {OWN.stored(folder)} of {size:,} stored")
    say(f"dense day of {size:,}: {measured['records']:,} received, {measured['cpu_seconds']:.1f} CPU-s")
    return measured | {"size": size}


def measure_quiet_requests(place: Path, loads: int, say: Say) -> dict[str, Any]:
    """Counts the requests of hourly loads of a small source some days of which cannot be proved.

    Args:
        place: Folder for temporary data.
        loads: Loads after the first.
        say: Reports progress.
    """
    requests, seconds = [], []
    with tempfile.TemporaryDirectory(dir=place) as name, emulated(*QUIET) as url:
        folder = Path(name)
        configure(folder, url)
        for _ in range(loads + 1):
            before = _served(url)
            seconds.append(run([*COMMAND, "load"], folder).cpu_seconds)
            requests.append(_served(url) - before)
            _advance(url, "1h")
        days = _count_days(folder)
    say(f"quiet source: {requests} requests, {days}")
    return {"requests": requests, "cpu_seconds": seconds, "days": days}


def _count_days(folder: Path) -> dict[str, int]:
    with duckdb.connect(str(folder / OWN.database), read_only=True) as connection:
        rows = connection.execute("SELECT state, count(*) FROM coverage GROUP BY state").fetchall()
    return {str(state): int(number) for state, number in rows}


@contextmanager
def emulated(*options: str) -> Iterator[str]:
    """Runs an emulator and gives its base URL."""
    process = subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0", *options], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate()


def _served(url: str) -> int:
    with urllib.request.urlopen(f"{url}/__emulator/truth", timeout=60) as answer:  # noqa: S310
        return int(json.load(answer)["requests"])


def _advance(url: str, span: str) -> None:
    body = json.dumps({"advance": span}).encode()
    request = urllib.request.Request(f"{url}/__emulator/clock", data=body, method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
