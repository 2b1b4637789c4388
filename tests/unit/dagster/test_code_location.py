"""What is in the code location, as the server that Dagster starts finds it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.definitions import defs as load_code_location
from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.errors import SettingsError
from support.dagster_deployment import Deployment

TABLES = ["quarantine", "replications", "resource_volumes", "resources", "task_versions", "tasks"]
ANALYTICS = [
    f"analytics/{definition.name}"
    for definition in sorted(materialized_definitions(), key=lambda one: one.name)
]
ALWAYS = [*ANALYTICS, "report"]
TABULATED = [f"tables/{table}" for table in TABLES]
TABULATED += [f"warehouse/{table}" for table in sorted([*TABLES, *ALL_INVENTORY_TABLES, "coverage", "loads"])]

ONE_SOURCE = """
[[sources]]
name = "prod-eu"
endpoint = "https://cbr.example.com"
project_id = "04f1829c788037ac2fb8c01eb2b04b95"
token = "env:CBR_TOKEN"
"""


def keys_of(defs: dg.Definitions) -> list[str]:
    return sorted(key.to_user_string() for key in defs.resolve_all_asset_keys())


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the configuration that the code location will find."""

    def configure(text: str) -> None:
        path = tmp_path / "cbr-warehouse.toml"
        path.write_text(text)
        monkeypatch.setenv("CBR_WAREHOUSE_CONFIG", str(path))

    return configure


def test_the_assets_of_one_source(configured: Callable[[str], None]) -> None:
    configured(ONE_SOURCE)
    defs = load_code_location()
    dg.Definitions.validate_loadable(defs)
    assert keys_of(defs) == [*ANALYTICS, "raw/prod-eu", "report", *TABULATED]
    assert {job.name for job in defs.jobs or ()} == {"load", "publish", "remove_old_runs", "report_job"}
    schedules = {"load_schedule", "report_schedule", "remove_old_runs_schedule"}
    assert {schedule.name for schedule in defs.schedules or ()} == schedules
    assert defs.executor is dg.in_process_executor


def test_the_code_location_is_built_again_only_if_its_configuration_differs(
    configured: Callable[[str], None],
) -> None:
    """Each run built it twice, and a tick of many sources took seconds longer."""
    configured(ONE_SOURCE)
    built = load_code_location()
    assert load_code_location() is built
    configured(ONE_SOURCE.replace("prod-eu", "prod-de"))
    assert "raw/prod-de" in keys_of(load_code_location())


def test_the_code_location_loads_though_a_secret_is_missing(
    configured: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(ONE_SOURCE)
    monkeypatch.delenv("CBR_TOKEN", raising=False)
    assert "raw/prod-eu" in keys_of(load_code_location())


def test_without_a_source_there_is_nothing_to_load_and_a_note_says_so(
    configured: Callable[[str], None],
) -> None:
    configured("")
    defs = load_code_location()
    dg.Definitions.validate_loadable(defs)
    assert keys_of(defs) == [*ALWAYS, *TABULATED]
    assert [job.name for job in defs.jobs or ()] == [
        "report_job",
        "publish",
        "remove_old_runs",
    ]
    assert [schedule.name for schedule in defs.schedules or ()] == [
        "report_schedule",
        "remove_old_runs_schedule",
    ]
    assert "configures no source" in str(defs.metadata["note"].value)
    tasks = defs.resolve_assets_def(dg.AssetKey(["tables", "tasks"]))
    assert "configures no source" in tasks.descriptions_by_key[dg.AssetKey(["tables", "tasks"])]


def test_a_wrong_configuration_is_told_in_its_own_words(configured: Callable[[str], None]) -> None:
    configured('shedule = "@daily"\n')
    with pytest.raises(SettingsError, match="unknown key"):
        load_code_location()


def test_nothing_heavy_is_imported_before_dagster_asks_for_the_assets() -> None:
    heavy = {"duckdb", "httpx", "pyarrow", "pandas", "cbr_warehouse.load.run"}
    code = f"import sys, cbr_warehouse.definitions; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_code_location_is_built_without_what_only_its_steps_need(
    configured: Callable[[str], None],
) -> None:
    """Each process of Dagster builds it: with the HTTP client, the loader and pandas it took twice as long.

    Its CPU time is compared with that of importing Dagster in the same process; it is about 1.2 times that.
    """
    configured(ONE_SOURCE)
    unneeded = {"httpx", "tenacity", "pandas", "pyarrow.dataset", "altair", "jinja2"}
    unneeded |= {"cbr_warehouse.load.source_load", "cbr_warehouse.tables.build"}
    code = (
        "import sys, time; begin = time.process_time(); import dagster\n"
        "imported = time.process_time(); import cbr_warehouse.definitions as ours; ours.defs()\n"
        f"built = time.process_time(); print(sorted({unneeded} & set(sys.modules)))\n"
        "print((built - imported) / (imported - begin))"
    )
    modules, ratio = zip(*(_output_of(code) for _ in range(3)), strict=True)
    assert set(modules) == {"[]"}
    assert min(map(float, ratio)) < 1.8


def _output_of(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:2]


def test_each_source_has_a_pool_of_its_own(install: Callable[..., Deployment]) -> None:
    defs = install("a", "b").defs
    pools = {
        assets.node_def.name: assets.op.pool
        for assets in defs.assets or ()
        if isinstance(assets, dg.AssetsDefinition)
    }
    assert pools == {
        "raw__a": "source_a",
        "raw__b": "source_b",
        "tables": None,
        "warehouse": "warehouse",
        "analytics": None,
        "report": None,
    }


def test_days_are_backfilled_in_batches_of_one_policy(install: Callable[..., Deployment]) -> None:
    """Dagster takes the smallest of the policies of a run, so that one asset's would slow all down."""
    defs = install("a").defs
    policies = {
        assets.node_def.name: assets.backfill_policy
        for assets in defs.assets or ()
        if isinstance(assets, dg.AssetsDefinition)
    }
    ten = dg.BackfillPolicy.multi_run(10)
    assert policies == {"raw__a": ten, "tables": ten, "warehouse": None, "analytics": None, "report": None}
