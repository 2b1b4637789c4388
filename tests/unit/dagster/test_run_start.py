"""How the code server starts runs: as forks of a process that has Dagster, the libraries and this package."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster._grpc.server import DagsterApiServer

import cbr_warehouse
from cbr_warehouse.contract.load_schemas import schemas_folder
from cbr_warehouse.defs.run_start import package_state

TESTS = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere runs start as Dagster starts them")


def forked(folder: Path, *words: str, **environ: str) -> Any:
    """What ``support.forked_run`` prints."""
    config = folder / "cbr-warehouse.toml"
    config.write_text(f'data_dir = "{folder}"\n', encoding="utf-8")
    own = {"CBR_WAREHOUSE_CONFIG": str(config), "DAGSTER_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "support.forked_run", *words],
        cwd=TESTS,
        env=os.environ | own | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_is_a_fork_of_a_process_that_has_what_it_needs(tmp_path: Path) -> None:
    found = forked(tmp_path)
    assert "multiprocessing.forkserver" in found["parent"]
    assert found["missing"] == []
    assert (found["sum"], found["product"]) == (100_000 * 99_999 // 2, 300.0), "their threads are in the fork"
    assert found["counted"] == [3_000_000 * 2_999_999 // 2, 1000], "threads of a database opened by the fork"


def test_a_run_has_the_package_as_it_is_on_the_disk(tmp_path: Path) -> None:
    """Of a developer, or of an upgrade without a restart of the code server."""
    package = Path(cbr_warehouse.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(schemas_folder(), tmp_path / package.name / "schemas")  # as in a wheel
    found = forked(tmp_path, "cbr_warehouse.defs.asset_keys", PYTHONPATH=str(tmp_path))
    assert found == [None, True]


def test_a_package_that_cannot_be_read_is_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that an upgrade removed meanwhile must fail neither the code server nor a run."""
    assert package_state() == package_state() is not None

    def vanished(folder: str) -> None:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(os, "scandir", vanished)
    assert package_state() is None


def test_dagster_takes_the_processes_of_runs_from_where_they_are_replaced() -> None:
    """Its private attribute: a version that starts runs in another way is noticed here."""
    assert "self._mp_ctx.Process(" in inspect.getsource(DagsterApiServer.StartRun)
