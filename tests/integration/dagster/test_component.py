"""The component in a stranger's project, beside assets called ``report`` and ``load``, and jobs."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Workplace
from support.dg_command import SECONDS, environment, run_dg

NAME = "cbr_warehouse.component.CbrWarehouseComponent"
PAGE = (Path(__file__).parents[3] / "docs" / "dagster.md").read_text(encoding="utf-8")
CONFIG = "/etc/cbr-warehouse/cbr-warehouse.toml"
COMPONENT = PAGE.split("## In a project of your own")[1].split("```yaml\n")[1].split("```")[0]
"""What the documentation tells to write."""

pytestmark = pytest.mark.timeout(2 * SECONDS)

FOREIGN = """\
import dagster as dg


@dg.asset
def report() -> None: ...


@dg.asset
def load() -> None: ...


@dg.asset(key=["raw", "prod"])
def raw_prod() -> None: ...


every = dg.define_asset_job("report_job", selection=dg.AssetSelection.keys("report", "load"))
hourly = dg.ScheduleDefinition(name="load_schedule", job=every, cron_schedule="0 * * * *")
"""
PROJECT = """\
[project]
name = "stranger"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "stranger"
"""


@pytest.fixture
def project(workplace: Workplace) -> Workplace:
    """A project as ``dg`` makes one, with a component of ours and definitions of its own."""
    package = workplace.folder / "src" / "stranger"
    (package / "defs" / "cbr").mkdir(parents=True)
    (workplace.folder / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(
        "from pathlib import Path\n\nimport dagster as dg\n\n\n@dg.definitions\ndef defs():\n"
        "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
    )
    (package / "defs" / "__init__.py").touch()
    (package / "defs" / "own.py").write_text(FOREIGN)
    config = workplace.folder / "cbr-warehouse.toml"
    (package / "defs" / "cbr" / "defs.yaml").write_text(COMPONENT.replace(CONFIG, str(config)))
    return workplace


def dg(project: Workplace, *words: str) -> subprocess.CompletedProcess[str]:
    environ = environment(project.folder / "dagster-home", PYTHONPATH=str(project.folder / "src"))
    return run_dg(*words, folder=project.folder, environ=environ)


def listed(project: Workplace) -> dict[str, list[dict[str, Any]]]:
    done = dg(project, "list", "defs", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_dg_lists_the_component(project: Workplace) -> None:
    done = dg(project, "list", "components", "--json")
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout


def test_it_stands_beside_what_is_called_the_same(project: Workplace) -> None:
    project.configure("https://cbr.example.com")
    assert CONFIG in COMPONENT
    assert len(COMPONENT.splitlines()) <= 12
    found = listed(project)
    assets = {one["asset_key"]: one for one in found["assets"]}
    own = {key: one for key, one in assets.items() if key.startswith("backups/cbr/")}
    assert assets.keys() - own.keys() == {"report", "load", "raw/prod"}
    assert {"backups/cbr/raw/prod", "backups/cbr/report", "backups/cbr/warehouse/tasks"} <= own.keys()
    assert {one["group_name"] for one in own.values()} == {"backups"}
    assert all("storage" in json.dumps(one["owners"]) for one in own.values())
    for kind in ("jobs", "schedules", "sensors"):
        names = {one["name"] for one in found[kind]}
        foreign = {name for name in names if not name.startswith("cbr_")}
        assert foreign == {"jobs": {"report_job"}, "schedules": {"load_schedule"}, "sensors": set()}[kind]
    assert {"cbr_load", "cbr_report_job"} <= {one["name"] for one in found["jobs"]}


def test_without_schedule_nothing_starts_by_itself(project: Workplace) -> None:
    project.configure("https://cbr.example.com")
    path = project.folder / "src" / "stranger" / "defs" / "cbr" / "defs.yaml"
    path.write_text(path.read_text().replace("schedule: true", "schedule: false"))
    found = listed(project)
    assert {one["name"] for one in found["schedules"]} == {"load_schedule"}
    assert found["sensors"] == []
    assert "cbr_load" in {one["name"] for one in found["jobs"]}


def test_its_job_loads_and_publishes(project: Workplace, emulate: Callable[..., str]) -> None:
    project.configure(emulate("--tasks", "200", "--days", "4", "--seed", "7"), history="3d")
    today = datetime.now(UTC).date().isoformat()
    done = dg(project, "launch", "--job", "cbr_load", "--partition", today)
    assert done.returncode == 0, done.stderr
    (row,) = project.sql("SELECT count(*) AS tasks FROM tasks")
    assert row["tasks"] > 50


def test_a_wrong_attribute_is_named(project: Workplace) -> None:
    project.configure("https://cbr.example.com")
    path = project.folder / "src" / "stranger" / "defs" / "cbr" / "defs.yaml"
    path.write_text(path.read_text().replace("owners:", "owner:"))
    done = dg(project, "check", "yaml")
    assert done.returncode != 0
    assert "owner" in done.stdout + done.stderr
