"""Basis of all tests: a clean environment, and markers for required programs.

A test that needs a program of the system says so with a marker::

    @pytest.mark.needs_program("chromium", package="chromium")

Without that program the test is skipped with a line that names the Debian package. Under
``REQUIRE_ALL=1``, as in CI, it fails instead: there a skip would hide what was never tried.
Fixtures of one room live in a ``conftest.py`` beside that room's tests, not here.
"""

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, settings

from support import present
from support.fault_kinds import KINDS
from support.frugal import VARIABLE, few_views, import_less, no_comments, one_thread
from support.process_state import restored

# What would point a command at a real cloud, a real data directory or a proxy.
LEAKS = ("CBR_", "HUAWEICLOUD_SDK_", "DAGSTER_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


NOT_MEASURED = {"property", "simulation"} | {
    f"integration/{room}" for room in ("bad_records", "dialects", "faults", "peers", "performance", "spark")
}
"""Tests that run over and over what others run once: their lines do not count for coverage.

To note each line takes up to half as long as to run it.
"""


READING_COMMENTS = {"unit/warehouse/test_published_rows.py"}
"""Tests of the comments that a publication writes; those of ``SmallLog`` are asked for."""


FRUGAL_INTEGRATION = {
    "analytics",
    "bad_records",
    "cli",
    "dialects",
    "doctor",
    "ducklake",
    "faults",
    "load",
    "peers",
    "security",
}
"""Folders of integration tests about which records are held, and about commands that leave comments alone."""


WITHOUT_VIEWS = {
    *("bad_records", "dialects", "extract", "faults", "peers", "raw", "tables", "verify"),
    *("property/load", "unit/load"),
    *(f"unit/warehouse/test_{name}.py" for name in ("build", "damaged_source", "inventory", "partitions")),
    "unit/warehouse/test_without_news.py",
}
"""Tests of what is stored, by folder or file, which ask tables alone."""


settings.register_profile("many", max_examples=2000, deadline=None)
"""``--hypothesis-profile many``: twenty times the examples of every property test, for a nightly run."""


settings.register_profile(
    "unshrunk", phases=(Phase.explicit, Phase.generate), database=None, report_multiple_bugs=False
)
"""Of mutation runs, which want to know whether a test fails, not the shortest example for which it does."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that enlarge tests, or make them record results."""
    parser.addoption("--kill-all", action="store_true", help="kill loads at every step, not at chosen ones")
    parser.addoption("--kills", type=int, default=6, help="Spark executors to kill in one rebuild")
    parser.addoption("--worker-kills", type=int, default=2, help="Dagster's workers to kill, one by one")
    parser.addoption(
        "--workers-share-a-folder", action="store_true", help="and have no data directory in an object store"
    )
    parser.addoption("--proofs", metavar="FILE", help="append what was proved, as lines of JSON")
    parser.addoption("--faults", metavar="FILE", help="write how many tests there are of each kind of fault")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker and cleans the environment, in each worker before any test module is read."""
    config.addinivalue_line(
        "markers", "needs_program(name, package): skip, under REQUIRE_ALL=1 fail, without that program"
    )
    config.addinivalue_line("markers", "fault(kind): what the test tries, see tests/support/fault_kinds.py")
    for variable in list(os.environ):
        if variable.upper().startswith(LEAKS):
            del os.environ[variable]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    import_less()
    # Else every command that a test starts compiles all that it imports, which takes longer than to run it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # The time a test takes says more about the machine than about the code; pytest-timeout holds the limit.
    name = "many" if settings.get_current_profile_name() == "many" else "cbr"
    settings.register_profile(name, settings.get_profile(settings.get_current_profile_name()), deadline=None)
    settings.load_profile(name)


def pytest_collection_finish() -> None:
    """Takes what was imported and collected out of the garbage collection, which looks at it in vain."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Takes back what the tests of a file leave behind, which others of the same process would meet.

    Which these are changes with the number of workers and from run to run.
    """
    with restored():
        yield


@pytest.fixture(scope="module", autouse=True)
def frugal(
    nothing_left_behind: None, request: pytest.FixtureRequest
) -> Iterator[Callable[..., duckdb.DuckDBPyConnection]]:
    """In tests that do not ask for more: one thread an engine, and no wait for the disk.

    Two threads take a fifth more CPU for tables of some rows. That a file is synced outlives a loss of power,
    which no test brings about; that it *is* synced is tested with ``os.fsync`` replaced. Comments take a
    quarter of a first load and views a fifth, and are left out where no test reads them.
    Other integration tests than those of ``FRUGAL_INTEGRATION`` run all as it is shipped; in these, commands
    of an interpreter of their own do too, and those that are forked sync.

    Yields:
        What connects to an engine with a thread for each CPU.
    """
    shipped = duckdb.connect
    place = request.path.relative_to(Path(__file__).parent)
    kind, room = (*place.parts, "")[:2]
    names = {room, f"{kind}/{room}", place.as_posix()}
    with pytest.MonkeyPatch.context() as patch:
        if kind in {"unit", "property", "contract"} or room in FRUGAL_INTEGRATION:
            patch.setattr(*one_thread())
            patch.setattr(os, "fsync", lambda _handle: None)
            for replacement in () if names & READING_COMMENTS else no_comments():
                patch.setattr(*replacement)
            for replacement in few_views() if names & WITHOUT_VIEWS else ():
                patch.setattr(*replacement)
        if room in FRUGAL_INTEGRATION:
            patch.setenv(VARIABLE, "1")
        yield shipped


@pytest.fixture
def every_thread(frugal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the engines of one test as many threads as there are CPUs: for what threads could break."""
    monkeypatch.setattr(duckdb, "connect", frugal)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Begins a test, and pauses the measurement of coverage during those of ``NOT_MEASURED``.

    It comes before the limit of pytest-timeout, which does not count a wait for the next day.
    """
    present.begin()
    controller = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    kind, room = (*item.path.relative_to(Path(__file__).parent).parts, "")[:2]
    if controller is None or not {kind, f"{kind}/{room}"} & NOT_MEASURED:
        return (yield)
    controller.pause()
    try:
        return (yield)
    finally:
        controller.resume()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose program is missing, or fails it where everything is required."""
    for marker in item.iter_markers("needs_program"):
        name, package = marker.args[0], marker.kwargs["package"]
        if shutil.which(name):
            continue
        reason = f"needs {name}: install the Debian package {package} (as root: make system-deps)"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuses a kind of fault that has no explanation, and writes the counts of all."""
    cases: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for item in items:
        for kind in faults_of(item):
            if kind not in cases:
                raise pytest.UsageError(f"{item.nodeid}: {kind!r} is not in tests/support/fault_kinds.py")
            cases[kind].append(item.nodeid)
    if path := config.getoption("--faults"):
        rows = [
            {
                "kind": kind,
                "what": what,
                "tests": len({case.partition("[")[0] for case in cases[kind]}),
                "cases": len(cases[kind]),
            }
            for kind, what in KINDS.items()
        ]
        Path(path).write_text(json.dumps(rows), encoding="utf-8")


def faults_of(item: pytest.Item) -> set[str]:
    """The kinds of fault that a test tries; those of the test itself replace those of its module."""
    own = {
        mark.args[0] for mark in getattr(getattr(item, "obj", None), "pytestmark", ()) if mark.name == "fault"
    }
    return own or {mark.args[0] for mark in item.iter_markers("fault")}


@pytest.fixture
def proved(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Records what a test tried and what was lost, for ``docs/reliability.md``.

    Call it as ``proved(kind, what, times=…, checked=…, unit=…, lost=…)``: what was done to the load and
    how often, then how many of what were compared and how many of them were not as they should be.
    Anything lost fails the test.
    """
    proofs = request.config.getoption("--proofs")

    def note(kind: str, what: str, *, times: int, checked: int, unit: str, lost: int) -> None:
        line = {"kind": kind, "what": what, "times": times, "checked": checked, "unit": unit, "lost": lost}
        if proofs:
            handle = os.open(proofs, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(handle, (json.dumps(line) + "\n").encode())  # one write: workers share the file
            os.close(handle)
        assert times > 0, line
        assert checked > 0, line
        assert lost == 0, line

    return note
