"""Shares on a real Spark cluster: a master and two workers, and the same bits as DuckDB alone."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cbr_warehouse.analytics.view_rows import stored_views
from cbr_warehouse.compute.spark import SparkRunner
from cbr_warehouse.errors import ComputeError, StorageError
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.tables import shares
from cbr_warehouse.warehouse import from_shares
from cbr_warehouse.warehouse.view_tables import write_views
from support import failing_shares, killed_executors
from support.many_sources import cells, contents, context_of, land_sources, load_sources
from support.spark_cluster import Cluster, spark_cluster

pytestmark = [
    pytest.mark.needs_program("java", package="openjdk-17-jre-headless"),
    pytest.mark.timeout(600),
    # py4j leaves the connections of ended threads to the garbage collection.
    pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]

SOURCES = 20


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of all these tests, ready for drivers in this process."""
    if find_spec("pyspark") is None:
        reason = "needs pyspark: run make test-spark, or pip install 'cbr-warehouse[spark]'"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with (
        spark_cluster(tmp_path_factory.mktemp("spark")) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def connect(cluster: Cluster) -> Iterator[Callable[[Path], SparkRunner]]:
    """Makes runners of one session, which is stopped in the end; any share is large enough for them."""
    made: list[SparkRunner] = []

    def make(root: Path) -> SparkRunner:
        runner = SparkRunner(cluster.master, root, large_bytes=0)
        runner.close = lambda: None  # type: ignore[method-assign]
        made.append(runner)
        return runner

    yield make
    for runner in made:
        SparkRunner.close(runner)


@dataclass(frozen=True)
class Estate:
    """What DuckDB alone makes of the raw files of some sources.

    Attributes:
        folder: The data directory.
        configured: Its settings.
        files: Every file of ``tables``.
        values: Every cell of the warehouse, by table and view.
    """

    folder: Path
    configured: Settings
    files: dict[str, bytes]
    values: dict[str, str]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Twenty sources, rebuilt by DuckDB alone; only read."""
    folder = tmp_path_factory.mktemp("estate")
    configured = land_sources(folder, sources=SOURCES, tasks=60, days=4)
    rebuild(context_of(folder, configured))
    return Estate(folder, configured, contents(folder / "tables"), cells(folder / "warehouse.duckdb"))


def built_again(
    estate: Estate,
    folder: Path,
    connect: Callable[[Path], SparkRunner],
    kills: int = 0,
) -> tuple[dict[str, bytes], dict[str, str]]:
    """What a rebuild on the cluster makes of the estate's raw files: every file of tables, and every cell."""
    shutil.copytree(
        estate.folder, folder, ignore=shutil.ignore_patterns("tables", "warehouse.duckdb", ".locks")
    )
    killed_executors.ask_for_kills(folder, kills)
    rebuild(context_of(folder, estate.configured, connect(folder)))
    return contents(folder / "tables"), cells(folder / "warehouse.duckdb")


def test_twenty_sources_end_with_the_same_bits(
    estate: Estate, tmp_path: Path, connect: Callable[[Path], SparkRunner]
) -> None:
    """Every Parquet file and note to the byte, every cell of every table and view."""
    files, values = built_again(estate, tmp_path / "data", connect)
    assert files == estate.files
    assert len([name for name in files if name.endswith(".parquet")]) > SOURCES * 10
    assert values == estate.values
    context = context_of(tmp_path / "data", estate.configured, connect(tmp_path / "data"))
    target = tmp_path / "views.duckdb"
    made = write_views(context.directory, context.contract, context.analytics, target, context.runner)
    rows = cells(target)
    assert made == SOURCES
    assert len(rows) == len(stored_views())
    assert rows == {name: values[name] for name in rows}


@pytest.mark.fault("killed processes")
def test_killed_executors_lose_and_double_nothing(
    estate: Estate,
    tmp_path: Path,
    connect: Callable[[Path], SparkRunner],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Before a share, or after it, when its files are written and nobody knows of them; in all steps."""
    monkeypatch.setattr(shares, "make_days", killed_executors.make_days)
    for name in ("make_own", "make_by_key", "make_rest"):
        monkeypatch.setattr(from_shares, name, getattr(killed_executors, name))
    kills = request.config.getoption("--kills")
    files, values = built_again(estate, tmp_path / "data", connect, kills)
    assert killed_executors.kills_left(tmp_path / "data") == []
    assert files == estate.files
    assert values == estate.values
    assert [path.name for path in (tmp_path / "data").rglob("*.duckdb")] == ["warehouse.duckdb"]


@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(st.integers(1, 3), st.integers(30, 90), st.integers(1, 6), st.integers(0, 9999), st.integers(3, 60))
def test_random_estates_end_with_the_same_bits(
    connect: Callable[[Path], SparkRunner], sources: int, tasks: int, days: int, seed: int, part_backups: int
) -> None:
    """Few, because each takes seconds; what is by resource is divided, however little it is."""
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary) / "data"
        configured = land_sources(folder, sources=sources, tasks=tasks, days=days, seed=seed)
        rebuild(context_of(folder, configured))
        truth = contents(folder / "tables"), cells(folder / "warehouse.duckdb")
        patch.setattr(from_shares, "PART_BACKUPS", part_backups)
        rebuild(context_of(folder, configured, connect(folder)))
        assert (contents(folder / "tables"), cells(folder / "warehouse.duckdb")) == truth


def test_a_load_makes_its_tables_on_the_cluster(
    tmp_path: Path, connect: Callable[[Path], SparkRunner]
) -> None:
    configured = load_sources(tmp_path, connect(tmp_path), sources=2, tasks=20, days=2)
    made = contents(tmp_path / "tables")
    values = cells(tmp_path / "warehouse.duckdb")
    rebuild(context_of(tmp_path, configured))
    assert contents(tmp_path / "tables") == made
    assert cells(tmp_path / "warehouse.duckdb") == values


def test_an_error_of_ours_is_the_error_of_the_command(
    tmp_path: Path, connect: Callable[[Path], SparkRunner]
) -> None:
    with pytest.raises(StorageError, match=r"/x\.parquet: is damaged: for a test"):
        connect(tmp_path).run(failing_shares.find_damaged, ["/x.parquet"])


def test_any_other_error_names_its_cause(tmp_path: Path, connect: Callable[[Path], SparkRunner]) -> None:
    with pytest.raises(ComputeError, match=r"ZeroDivisionError.*Nothing is lost: run the command again"):
        connect(tmp_path).run(failing_shares.divide, [1, 0])


def test_a_directory_that_workers_do_not_see_is_refused_before_anything_is_removed(
    estate: Estate, cluster: Cluster, tmp_path: Path, connect: Callable[[Path], SparkRunner]
) -> None:
    with pytest.raises(ComputeError, match="must be the same folder"):
        rebuild(context_of(estate.folder, estate.configured, connect(tmp_path / "elsewhere")))
    assert contents(estate.folder / "tables") == estate.files


def test_a_worker_of_another_version_is_refused(
    tmp_path: Path, connect: Callable[[Path], SparkRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = connect(tmp_path)
    runner.start()
    monkeypatch.setattr("cbr_warehouse.compute.spark.__version__", "0.0.1")
    with pytest.raises(ComputeError, match=r"this is 0\.0\.1\. Install the same version"):
        runner.run(failing_shares.divide, [1])
