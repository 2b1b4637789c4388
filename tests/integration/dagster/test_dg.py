"""Dagster's own commands on this checkout: they find the code location, run it and serve it."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cbr_warehouse.defs.analytics import materialized_definitions
from support.command_line import Workplace
from support.dg_command import DG, SECONDS, environment, run_dg
from support.local_ports import free_port

pytestmark = pytest.mark.timeout(2 * SECONDS)


ROOT = Path(__file__).parents[3]


def variables(workplace: Workplace) -> dict[str, str]:
    config = workplace.folder / "cbr-warehouse.toml"
    return environment(workplace.folder / "dagster-home", CBR_WAREHOUSE_CONFIG=str(config))


def dg(workplace: Workplace, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs ``dg`` in the checkout, with the workplace's configuration."""
    return run_dg(*words, folder=ROOT, environ=variables(workplace))


@contextmanager
def served(workplace: Workplace, log: Path) -> Iterator[str]:
    """Runs ``dg dev -w workspace.yaml`` and gives the address of its page, once that answers."""
    port = free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            [DG, "dev", "-w", "workspace.yaml", "-p", str(port)],
            cwd=ROOT,
            env=variables(workplace),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not _answers(f"{url}/server_info"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield url
    finally:
        # Its servers and daemon are processes of their own, in the same session.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def ask(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def rows(workplace: Workplace, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(workplace.data / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_dg_checks_and_lists_the_definitions(workplace: Workplace) -> None:
    workplace.configure("https://cbr.example.com")
    checked = dg(workplace, "check", "defs")
    assert checked.returncode == 0, checked.stderr
    listed = dg(workplace, "list", "defs", "--json")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    groups = Counter(asset["group_name"] for asset in found["assets"])
    assert groups == {
        "raw": 1,
        "tables": 6,
        "warehouse": 18,
        "analytics": len(materialized_definitions()),
        "report": 1,
    }
    assert {one["name"] for one in found["schedules"]} == {
        "load_schedule",
        "report_schedule",
        "remove_old_runs_schedule",
    }


def test_dg_tells_what_is_wrong_with_the_configuration(workplace: Workplace) -> None:
    workplace.configure("https://cbr.example.com", histry="30d")
    checked = dg(workplace, "check", "defs")
    assert checked.returncode != 0
    assert "did you mean history?" in checked.stdout + checked.stderr


def test_dg_launch_loads_what_the_command_loads(
    workplace: Workplace, emulate: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = emulate("--tasks", "400", "--days", "5", "--seed", "7")
    workplace.configure(url, history="3d")
    launched = dg(workplace, "launch", "--job", "load", "--partition", datetime.now(UTC).date().isoformat())
    assert launched.returncode == 0, launched.stderr
    other = Workplace(tmp_path_factory.mktemp("by-command"))
    other.configure(url, history="3d")
    assert other.run("load").status == 0
    tasks = "SELECT * FROM tasks"
    assert len(rows(workplace, tasks)) > 100
    # What the emulator's clock changes between the two loads is left out.
    settled = (
        "SELECT task_id FROM tasks WHERE ended_at < (SELECT max(created_at) FROM tasks) - INTERVAL 1 HOUR"
    )
    for table in ("tasks", "resources", "resource_volumes", "replications"):
        query = f"SELECT * FROM {table} SEMI JOIN ({settled}) USING (task_id) ORDER BY ALL"
        assert rows(workplace, query) == rows(other, query)


def test_dg_dev_serves_the_assets_with_their_metadata(workplace: Workplace, tmp_path: Path) -> None:
    workplace.configure("https://cbr.example.com", history="5d")
    with served(workplace, tmp_path / "dg-dev.log") as url:
        locations = ask(url, "{ workspaceOrError { ... on Workspace { locationEntries { name } } } }")
        assert locations["workspaceOrError"]["locationEntries"] == [{"name": "cbr-warehouse"}]
        nodes = ask(url, "{ assetNodes { assetKey { path } partitionKeys metadataEntries { label } } }")
    found = {"/".join(node["assetKey"]["path"]): node for node in nodes["assetNodes"]}
    assert len(found["raw/prod"]["partitionKeys"]) == 6
    for key, node in found.items():
        shown = {entry["label"] for entry in node["metadataEntries"]}
        assert "dagster/uri" in shown, key
        assert ("dagster/column_schema" in shown) is (key != "report"), key
