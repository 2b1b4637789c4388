"""What a command imports, and what it costs to start, beside the library that it cannot do without.

Every list here is of modules that took a command seconds before it began.
"""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable

import pytest

from support.command_line import PACKAGES, Finished, Workplace
from support.many_sources import land_sources
from support.small_log import SmallLog

FRAMES = {"pandas", "altair", "jinja2", "great_tables", "vl_convert", "dagster"}
SERVERS = {"starlette", "uvicorn", "fastapi"}
SOURCE = {"httpx", "rich.console", "tenacity", "cbr_warehouse.load.run", "cbr_warehouse.source.client"}
RECORDS = {"numpy", "pyarrow", "yaml"}
BARS = "cbr_warehouse.cli.progress_bars"
VALUES = {"pydantic", "pydantic_core", "msgspec"}


def _modules_of(workplace: Workplace, *words: str) -> tuple[Finished, set[str]]:
    """Runs a command; returns what became of it, and every module that it imported."""
    found = workplace.folder / "modules.txt"
    program = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(lambda: pathlib.Path({str(found)!r}).write_text('\\n'.join(sorted(sys.modules))))\n"
        "from cbr_warehouse.cli.main import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr), set(found.read_text().splitlines())


@pytest.fixture
def stored(workplace: Workplace) -> Workplace:
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    workplace.configure("http://127.0.0.1:9")
    return workplace


@pytest.mark.parametrize("word", ["--version", "--help", "-h"])
def test_version_and_help_import_no_command(workplace: Workplace, word: str) -> None:
    """``--version`` took seconds, for it imported every room of the house."""
    done, modules = _modules_of(workplace, word)
    assert (done.status, done.err) == (0, "")
    assert "cbr-warehouse" in done.out
    assert modules & {"duckdb", "rich", *FRAMES, *SERVERS, *SOURCE, *RECORDS, BARS, *VALUES} == set()


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (("sql", "SELECT count(*) FROM tasks"), {*SOURCE, *RECORDS, BARS, *VALUES}),
        (("--data-dir", "data", "sql", "SELECT 1", "--format", "csv"), {*SOURCE, *RECORDS, BARS, *VALUES}),
        (("sql", "SELECT 1.5 AS a", "--format", "json"), {*SOURCE, *RECORDS, BARS, "pydantic"}),
        (("views", "rpo_compliance"), {*SOURCE, *RECORDS, BARS, "pydantic"}),
        (("quarantine", "list"), {BARS}),
        (("status",), {*SOURCE, BARS}),
        (("schema",), {*SOURCE, BARS, "numpy", "pyarrow"}),
        (("plan",), {BARS}),
        (("check",), {*SOURCE, *RECORDS, BARS}),
    ],
)
def test_a_command_that_reads_imports_only_what_it_uses(
    stored: Workplace, words: tuple[str, ...], unneeded: set[str]
) -> None:
    """DuckDB imports pandas for any parameter of a statement, and Typer pydantic for any option."""
    done, modules = _modules_of(stored, *words)
    assert done.status == (1 if words == ("check",) else 0), done.err  # a control says that the log is old
    assert modules & {*unneeded, *FRAMES, *SERVERS} == set()


def test_a_load_imports_neither_frames_nor_plots(workplace: Workplace, emulate: Callable[..., str]) -> None:
    """Pandas alone took a third of a load that found nothing new."""
    workplace.configure(emulate("--tasks", "50", "--days", "2"), history="2d")
    for _ in range(2):
        done, modules = _modules_of(workplace, "load")
        assert done.status == 0, done.err
        assert modules & {*FRAMES, *SERVERS, BARS} == set()
    done, modules = _modules_of(workplace, "rebuild")
    assert done.status == 0, done.err
    assert modules & {*FRAMES, *SERVERS, BARS} == set()


def test_a_report_without_a_warehouse_says_so_at_once(workplace: Workplace) -> None:
    """It imported pandas, plots and all for 15 seconds first."""
    done, modules = _modules_of(workplace, "report")
    assert done.status == 1
    assert "There is no warehouse yet" in done.err
    assert done.out == ""
    assert modules & FRAMES == set()


def _cpu_seconds(stored: Workplace, words: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        cwd=stored.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("library", "words", "most"),
    [("typer", ["--version"], 2.5), ("typer", ["--help"], 2.5), ("duckdb", ["sql", "SELECT 1"], 4.0)],
)
def test_a_command_costs_little_beside_the_library_it_needs(
    stored: Workplace, library: str, words: list[str], most: float
) -> None:
    """Ratios of CPU time in one run, alternating, so that the speed of the machine does not matter.

    A query takes 2 to 2.6 times what ``import duckdb`` takes; it was 12.
    """
    command = ["-m", "cbr_warehouse.cli.main", *words]
    pairs = [
        (_cpu_seconds(stored, command), _cpu_seconds(stored, ["-c", f"import {library}"])) for _ in range(5)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    assert ours < most * theirs, pairs


def test_a_rebuild_by_duckdb_alone_imports_nothing_of_a_cluster(workplace: Workplace) -> None:
    land_sources(workplace.data, sources=1, tasks=40, days=1)
    workplace.configure("http://127.0.0.1:9")
    done, modules = _modules_of(workplace, "rebuild")
    assert (done.status, "tasks rebuilt from raw" in done.out) == (0, True)
    rooms = {"compute.spark", "warehouse.from_shares", "warehouse.source_files", "analytics.by_source"}
    assert modules & {"pyspark", "py4j", *(f"cbr_warehouse.{room}" for room in rooms)} == set()
    assert "cbr_warehouse.compute.runner" in modules
