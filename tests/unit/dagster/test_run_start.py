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
from dagster._core.storage import sql
from dagster._grpc.server import DagsterApiServer

import cbr_warehouse
from cbr_warehouse.contract.load_schemas import schemas_folder
from cbr_warehouse.defs.run_start import LIBRARIES, OURS, package_state

TESTS = Path(__file__).parents[2]

CONFIG = """data_dir = "{folder}"
[[sources]]
name = "first"
endpoint = "https://cbr.eu-de.example.com"
project_id = "0605767b5780d5762fc5c0118072a564"
token = "env:CBR_TOKEN"
"""
SECOND_SOURCE = """
[[sources]]
name = "second"
endpoint = "https://cbr.eu-de.example.com"
project_id = "04f1829c788037ac2fb8c01eb2b04b95"
token = "env:CBR_TOKEN"
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere runs start as Dagster starts them")


def forked(folder: Path, *words: str, **environ: str) -> Any:
    """What ``support.forked_run`` prints."""
    config = folder / "cbr-warehouse.toml"
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    own = {
        "BEFORE_RUNS": "",
        "LATER": "",
        "CBR_WAREHOUSE_CONFIG": str(config),
        "DAGSTER_HOME": str(folder),
    }
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


def test_a_run_takes_the_code_location_that_was_built_unless_it_would_build_another(tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    plain, moved, extended = forked(
        tmp_path, "location", "CBR_WAREHOUSE_DATA_DIR", other, LATER=SECOND_SOURCE
    )
    assert (plain["is_the_built"], plain["raw"], plain["data"]) == (True, ["raw/first"], str(tmp_path))
    assert (moved["is_the_built"], moved["data"]) == (False, other)
    assert (extended["is_the_built"], extended["raw"]) == (False, ["raw/first", "raw/second"])
    assert plain["sees_environment"] == "yes", "steps find the variables of their own run"
    assert plain["files"] == [], "a run shares no file with others"


def test_runs_start_where_nothing_can_be_built_before(tmp_path: Path) -> None:
    """As after a mistake in the configuration, which each run reports."""
    found = forked(tmp_path, "location", "ANY", "variable", BEFORE_RUNS="[[sources]]\nname = 3\n")
    assert [one["built"] for one in found] == [0, 0, 0]
    assert all("name" in one["error"] for one in found)


def test_what_is_done_before_runs_leaves_nothing_open(tmp_path: Path) -> None:
    """A fork has no threads of it, and would share its connections with the other runs."""
    config = tmp_path / "cbr-warehouse.toml"
    config.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    program = """
import importlib, os
def state():
    numbers = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    opened = sorted(os.readlink(number) for number in numbers if os.path.lexists(number))
    return opened, len(os.listdir("/proc/self/task"))
*before, last = NAMES
for name in before:
    importlib.import_module(name)
earlier = state()
importlib.import_module(last)
assert state() == earlier, (earlier, state())
from cbr_warehouse.defs.build import _latest
print(len(_latest))
"""
    done = subprocess.run(
        [sys.executable, "-c", program.replace("NAMES", repr([*LIBRARIES, *OURS]))],
        env=os.environ | {"CBR_WAREHOUSE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_dagster_looks_its_migrations_up_where_they_are_remembered() -> None:
    """Its own import: a version that reads them in another way is noticed here."""
    assert "ScriptDirectory.from_config(" in inspect.getsource(sql.check_alembic_revision)


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
