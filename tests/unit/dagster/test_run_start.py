"""How the code server starts runs: as forks of a process that has Dagster and the libraries."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster._grpc.server import DagsterApiServer

from cbr_warehouse.defs.run_start import IMPORTED

TESTS = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere runs start as Dagster starts them")
def test_a_run_is_a_fork_of_a_process_that_has_dagster_and_nothing_of_ours(tmp_path: Path) -> None:
    config = tmp_path / "cbr-warehouse.toml"
    config.write_text(f'data_dir = "{tmp_path}"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "support.forked_run"],
        cwd=TESTS,
        env=os.environ | {"CBR_WAREHOUSE_CONFIG": str(config), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "multiprocessing.forkserver" in found["parent"]
    assert found["imported"] == sorted(IMPORTED)
    assert found["ours"] == []
    assert not found["has_duckdb"], "its threads would be missing"
    assert (found["sum"], found["product"]) == (100_000 * 99_999 // 2, 300.0), "their threads are in the fork"


def test_dagster_takes_the_processes_of_runs_from_where_they_are_replaced() -> None:
    """Its private attribute: a version that starts runs in another way is noticed here."""
    assert "self._mp_ctx.Process(" in inspect.getsource(DagsterApiServer.StartRun)
