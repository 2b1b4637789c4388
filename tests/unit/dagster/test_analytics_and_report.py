"""Analytics and report as assets: what they show is what the published warehouse holds."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from cbr_warehouse.analytics.catalogue import Definition, base_tables, views
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.defs.analytics import materialized_definitions
from cbr_warehouse.defs.upstream_assets import read_by, read_by_report
from support.dagster_deployment import Deployment, day

CONTRACT = read_contract()
NAMES = [definition.name for definition in materialized_definitions()]


def in_warehouse(place: Deployment, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(
        str(place.installation.load_context.directory.warehouse), read_only=True
    ) as connection:
        return connection.execute(query).fetchall()


def shown(result: dg.ExecuteInProcessResult, node: str) -> dict[str, dict[str, object]]:
    """Metadata of what a step materialized, by the last part of the asset's key."""
    return {
        found.asset_key.path[-1]: {name: value.value for name, value in found.metadata.items()}
        for found in result.asset_materializations_for_node(node)
    }


@pytest.fixture(scope="module")
def loaded(install_once: Callable[..., Deployment]) -> tuple[Deployment, dg.ExecuteInProcessResult]:
    """A published load, which the tests add only a report to."""
    place = install_once("prod")
    place.apis["prod"].add(day(0), 3)
    place.apis["prod"].add(day(2))
    assert place.tick("prod").success
    result = place.publish()
    assert result.success
    return place, result


def test_a_load_tells_of_each_table_and_view_its_rows_and_its_watermark(
    loaded: tuple[Deployment, dg.ExecuteInProcessResult],
) -> None:
    place, result = loaded
    found = shown(result, "analytics")
    assert sorted(found) == sorted(NAMES)
    assert found["attempt"]["dagster/row_count"] == 4
    for name in ("resource_day", "data_quality", "backup_success_daily"):
        ((rows,),) = in_warehouse(place, f"SELECT count(*) FROM analytics.{name}")
        assert found[name]["dagster/row_count"] == rows
    ((watermark,),) = in_warehouse(place, "SELECT epoch(as_of) FROM analytics.as_of")
    assert found["data_quality"]["watermark"] == watermark


def test_one_view_alone_is_counted(loaded: tuple[Deployment, dg.ExecuteInProcessResult]) -> None:
    place, _ = loaded
    job = dg.define_asset_job("one", selection=dg.AssetSelection.assets(["analytics", "open_tasks"]))
    defs = dg.Definitions.merge(place.defs, dg.Definitions(jobs=[job]))
    result = defs.resolve_job_def("one").execute_in_process(instance=place.instance)
    assert list(shown(result, "analytics")) == ["open_tasks"]


def test_before_the_first_load_it_is_told_what_to_do(install: Callable[..., Deployment]) -> None:
    place = install("prod")
    job = dg.define_asset_job("one", selection=dg.AssetSelection.assets(["analytics", "open_tasks"]))
    defs = dg.Definitions.merge(place.defs, dg.Definitions(jobs=[job]))
    result = defs.resolve_job_def("one").execute_in_process(instance=place.instance, raise_on_error=False)
    assert not result.success
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    assert "cbr-warehouse load" in str(failed.step_failure_data.user_failure_data)


def parsed(body: str) -> set[str]:
    """Tables, views and macros that a query names, by DuckDB's own parser."""
    ((tree,),) = duckdb.execute("SELECT json_serialize_sql(?)", [body]).fetchall()
    found: set[str] = set()

    def walk(node: object, within: frozenset[str]) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one, within)
        if not isinstance(node, dict):
            return
        entries = node.get("cte_map", {}).get("map", [])
        within |= {entry["key"] for entry in entries}
        if node.get("type") == "BASE_TABLE":
            schema, name = node["schema_name"], node["table_name"]
            if schema or name not in within:
                found.add(f"{schema or 'main'}.{name}")
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["schema"] == "analytics":
            found.add(f"analytics.{node['function']['function_name']}")
        for value in node.values():
            walk(value, within)

    walk(json.loads(tree), frozenset())
    return found


def test_the_lineage_of_the_views_is_what_the_database_reads() -> None:
    """A macro is followed to what it reads, as the database does when it is called."""
    catalogue = {one.name: one for one in views()}

    def read(definition: Definition) -> set[str]:
        keys: set[str] = set()
        for schema, name in (found.split(".") for found in parsed(definition.body)):
            if name in catalogue and catalogue[name].kind == "macro":
                keys |= read(catalogue[name])
            elif schema == "main":
                keys.add(f"warehouse/{name}")
            elif name in NAMES:
                keys.add(f"analytics/{name}")
            elif name in ("as_of", "source_watermark"):
                keys.add("warehouse/loads")
        return keys

    for view in views():
        found = {key.to_user_string() for key in read_by(view, CONTRACT)}
        assert found == read(view), view.name


def test_everything_read_is_an_asset(install: Callable[..., Deployment]) -> None:
    assets = set(install("prod").defs.resolve_all_asset_keys())
    for definition in (*base_tables(), *views()):
        assert read_by(definition, CONTRACT) <= assets, definition.name


def test_what_a_view_reads_is_not_forgotten() -> None:
    catalogue = {one.name: one for one in (*base_tables(), *views())}
    read = {key.to_user_string() for key in read_by(catalogue["data_quality"], CONTRACT)}
    assert {"analytics/attempt", "analytics/day_state", "analytics/source_load"} <= read
    read = {key.to_user_string() for key in read_by(catalogue["source_load"], CONTRACT)}
    assert read == {"warehouse/loads", "warehouse/quarantine"}
    read = {key.to_user_string() for key in read_by(catalogue["day_state"], CONTRACT)}
    assert read == {"warehouse/coverage"}
    read = {key.to_user_string() for key in read_by(catalogue["consecutive_failures"], CONTRACT)}
    assert read == {"analytics/unresolved_failures"}


def test_the_report_stands_on_views_and_tables_that_exist(install: Callable[..., Deployment]) -> None:
    read = read_by_report(CONTRACT)
    assert {dg.AssetKey(["analytics", "attempt"]), dg.AssetKey(["warehouse", "coverage"])} <= read
    assert read <= set(install("prod").defs.resolve_all_asset_keys())


def test_the_report_job_writes_what_the_command_writes(
    loaded: tuple[Deployment, dg.ExecuteInProcessResult],
) -> None:
    place, _ = loaded
    run_config = {"ops": {"report": {"config": {"period": "day", "lang": "zh"}}}}
    result = place.defs.resolve_job_def("report_job").execute_in_process(
        instance=place.instance, run_config=run_config
    )
    told = shown(result, "report")["report"]
    page, manifest = Path(str(told["path"])), json.loads(Path(str(told["manifest"])).read_text())
    assert page.parent.name.endswith("-day-zh")
    assert 'lang="zh' in page.read_text(encoding="utf-8")
    files = {entry["file"]: entry["sha256"] for entry in [manifest["page"]] if "page" in manifest}
    assert files == {page.name: hashlib.sha256(page.read_bytes()).hexdigest()}
    assert told["verdict"]


def test_a_wrong_option_of_the_report_is_told_in_its_own_words(
    loaded: tuple[Deployment, dg.ExecuteInProcessResult],
) -> None:
    place, _ = loaded
    run_config = {"ops": {"report": {"config": {"period": "year"}}}}
    result = place.defs.resolve_job_def("report_job").execute_in_process(
        instance=place.instance, run_config=run_config, raise_on_error=False
    )
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    assert "--period year: not known. Allowed: day, week, month or quarter (the newest)" in str(
        failed.step_failure_data.user_failure_data
    )
