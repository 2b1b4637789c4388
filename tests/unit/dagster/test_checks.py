"""Keys and references of the published warehouse as asset checks."""

from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from cbr_warehouse.warehouse.conditions import CONDITIONS
from support.dagster_deployment import Deployment, day

UNIQUE = [
    "coverage",
    "loads",
    "quarantine",
    "replications",
    "resource_volumes",
    "resources",
    "task_versions",
    "tasks",
]
REFERENCES = [
    ("replications", "tasks"),
    ("resource_volumes", "resources"),
    ("resources", "tasks"),
    ("task_versions", "tasks"),
    ("tasks", "task_versions"),
]
EXPECTED = {f"warehouse/{table}:unique_key" for table in UNIQUE}
EXPECTED |= {f"warehouse/{child}:references_{parent}" for child, parent in REFERENCES}
ALL = EXPECTED | {f"warehouse/{condition.table}:{name}" for name, condition in CONDITIONS.items()}


def run_checks(place: Deployment) -> dict[str, int]:
    """Runs the checks alone; gives the violations of each that failed."""
    keys = place.defs.resolve_asset_graph().asset_check_keys
    checks = dg.AssetSelection.checks(*(key for key in keys if key.asset_key.path[0] == "warehouse"))
    job = dg.define_asset_job("checks", selection=checks)
    defs = dg.Definitions.merge(place.defs, dg.Definitions(jobs=[job]))
    result = defs.resolve_job_def("checks").execute_in_process(instance=place.instance, raise_on_error=False)
    found = result.get_asset_check_evaluations()
    assert {f"{check.asset_key.to_user_string()}:{check.check_name}" for check in found} == ALL
    assert result.asset_materializations_for_node("warehouse") == []
    return {
        f"{check.asset_key.to_user_string()}:{check.check_name}": int(str(check.metadata["violations"].value))
        for check in found
        if not check.passed and check.check_name not in CONDITIONS
    }


@pytest.fixture(scope="module")
def loaded(install_once: Callable[..., Deployment]) -> Deployment:
    place = install_once("prod")
    place.apis["prod"].add(day(0), 3)
    result = place.run("prod", [day(0)])
    assert result.success
    checks = [
        check for check in result.get_asset_check_evaluations() if check.asset_key.path[0] == "warehouse"
    ]
    assert len(checks) == len(ALL)
    return place


def test_a_sound_warehouse_passes_them_all(loaded: Deployment) -> None:
    assert run_checks(loaded) == {}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("INSERT INTO tasks FROM tasks LIMIT 2", {"warehouse/tasks:unique_key": 2}),
        ("INSERT INTO loads FROM loads", {"warehouse/loads:unique_key": 1}),
        (
            "DELETE FROM tasks WHERE task_id LIKE '%-1'",
            {"warehouse/resources:references_tasks": 1, "warehouse/task_versions:references_tasks": 1},
        ),
    ],
)
def test_each_violation_is_counted(loaded: Deployment, damage: str, found: dict[str, int]) -> None:
    warehouse = loaded.installation.load_context.directory.warehouse
    sound = warehouse.read_bytes()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(damage)
    try:
        assert run_checks(loaded) == found
    finally:
        warehouse.write_bytes(sound)


def test_what_stands_on_an_unsound_warehouse_does_not_run(loaded: Deployment) -> None:
    specs = loaded.defs.resolve_assets_def(dg.AssetKey(["warehouse", "tasks"])).check_specs
    assert all(spec.blocking for spec in specs)
