"""Runs commands as whole processes and measures them from outside, their children included."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
PYTHON = sys.executable
COMMAND = (PYTHON, "-m", "cbr_warehouse.cli.main")
KILOBYTE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of ``ru_maxrss`` in bytes."""

_LAUNCHER = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss], file)
"""
"""Runs a command as the child of a small process. Linux counts as the peak of a new process also what
its parent had in memory when it was made, and that may be a whole test run."""


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        cpu_seconds: User and system time of the process and its children.
        wall_seconds: From start to end.
        peak_mb: Peak resident memory of its largest process, in 10^6 bytes.
        written_mb: What it sent to the storage, in 10^6 bytes; None where the system does not say.
        status: Exit status.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    written_mb: float | None
    status: int

    def as_json(self) -> dict[str, Any]:
        """The values by name."""
        return asdict(self)


def run(words: Sequence[str], folder: Path, *, may_fail: bool = False) -> Run:
    """Runs a command to its end.

    Args:
        words: The command.
        folder: Its working directory.
        may_fail: Whether another exit status than 0 is a result.

    Raises:
        SystemExit: The command failed.
    """
    environ = os.environ | {
        "BENCH_TOKEN": "demo-token",
        "PYTHONPATH": os.environ.get("BENCH_PIPELINES", str(CHECKOUT / "pipelines")),
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "cbr-warehouse-bench-bytecode"),
        "PYTHONWARNINGS": "ignore",
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages usually have their bytecode
    log = folder / "output.txt"
    began = time.monotonic()
    usage_file = folder / "usage.json"
    launcher = [PYTHON, "-I", "-S", "-c", _LAUNCHER, str(usage_file), *words]
    with log.open("wb") as output:
        process = subprocess.Popen(launcher, cwd=folder, env=environ, stdout=output, stderr=output)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its counters can be read
    wall = time.monotonic() - began
    written = _written(process.pid)
    process.wait()
    status, cpu_seconds, peak = json.loads(usage_file.read_bytes())
    if status and not may_fail:
        raise SystemExit(f"{' '.join(words)} failed:\n{log.read_text(errors='replace')[-4000:]}")
    return Run(cpu_seconds, wall, peak * KILOBYTE_UNIT / 1e6, written, status)


def _written(process_id: int) -> float | None:
    try:
        lines = Path(f"/proc/{process_id}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes")) / 1e6


@contextmanager
def served(file: Path, running: int = 0) -> Iterator[str]:
    """Serves a file of records in a process of its own and gives its base URL.

    Args:
        file: The file.
        running: Newest tasks that are served as running until ``end_running``.
    """
    process = subprocess.Popen(
        [PYTHON, str(HERE / "server.py"), str(file), str(running)], stdout=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            raise SystemExit("the server of the records did not start")
        yield url
    finally:
        process.terminate()
        process.communicate()


def stats(url: str) -> dict[str, int]:
    """What a server has served so far: requests, records and bytes."""
    with urllib.request.urlopen(f"{url}/stats", timeout=60) as answer:  # noqa: S310  # http on the loopback
        counted: dict[str, int] = json.load(answer)
    return counted


def end_running(url: str) -> None:
    """Ends the tasks that a server keeps running."""
    request = urllib.request.Request(f"{url}/end", data=b"", method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=600).close()  # noqa: S310


def set_present(url: str, at: datetime) -> None:
    """Sets the present of a server.

    Args:
        url: Its base URL.
        at: Its present from now on, UTC.
    """
    query = urllib.parse.urlencode({"at": at.isoformat()})
    request = urllib.request.Request(f"{url}/now?{query}", data=b"", method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310


def files_below(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def megabytes(paths: Sequence[Path]) -> float:
    """Size of files in 10^6 bytes."""
    return sum(path.stat().st_size for path in paths) / 1e6
