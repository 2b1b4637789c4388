"""What users see of the code location and refer to by name: a change of it is wanted, or noticed here."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.defs.freshness import freshness_by
from cbr_warehouse.settings.durations import parse_duration
from support.dagster_snapshot import SNAPSHOT, code_location, describe

TOOL = Path(__file__).parents[3] / "tools" / "analytics_columns.py"


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return code_location()


@pytest.fixture(scope="module")
def shown(defs: dg.Definitions) -> dict[str, Any]:
    return describe(defs)


def test_names_and_descriptions_are_those_of_the_snapshot(shown: dict[str, Any]) -> None:
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert shown == kept, "run make docs, and see whether the change is wanted"


def test_the_snapshot_is_what_make_docs_prints() -> None:
    words = [sys.executable, "-m", "support.dagster_snapshot"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, SNAPSHOT.read_text(encoding="utf-8")), done.stderr


def test_every_asset_but_raw_is_made_of_others(shown: dict[str, Any]) -> None:
    roots = {key for key, asset in shown["assets"].items() if not asset["depends_on"]}
    assert roots == {"raw/prod"}


def test_everything_has_a_description_without_stray_markup(
    defs: dg.Definitions, shown: dict[str, Any]
) -> None:
    texts = {
        f"{kind} {name}": str(one["description"])
        for kind, found in shown.items()
        for name, one in found.items()
    }
    for key in defs.resolve_all_asset_keys():
        for column in column_schema(defs, key):
            if column.description:
                texts[f"{key.to_user_string()}.{column.name}"] = column.description
    assert len(texts) > 500
    stray = re.compile(r"``|:\w+:`|<\w+>|\\n|\bNone\b|^\s*$| {3,}")
    assert {where: text for where, text in texts.items() if stray.search(text)} == {}
    for where, text in texts.items():
        assert text.count("**") % 2 == 0, where
        assert text.count("`") % 2 == 0, where


def test_each_asset_has_owners_and_says_where_its_code_is(defs: dg.Definitions) -> None:
    for key in defs.resolve_all_asset_keys():
        spec = defs.resolve_assets_def(key).specs_by_key[key]
        assert [*spec.owners] == ["team:storage", "ops@example.com"], key
        references = spec.metadata["dagster/code_references"].code_references
        for reference in references:
            assert Path(reference.file_path).is_file(), key
        if key.path[0] == "analytics":
            assert [Path(one.file_path).name for one in references] == [f"{key.path[-1]}.sql"]


@pytest.mark.parametrize(
    ("cron", "late", "overdue"),
    [
        ("0 * * * *", "3h", "6h"),
        ("* * * * *", "30m", "1h"),
        ("30 6 * * 1-5", "9d", "18d"),
    ],
)
def test_how_old_a_load_may_be_follows_from_the_schedule(cron: str, late: str, overdue: str) -> None:
    policy = freshness_by(cron)
    assert isinstance(policy, TimeWindowFreshnessPolicy)
    assert policy.warn_window is not None
    assert policy.warn_window.to_timedelta() == parse_duration(late)
    assert policy.fail_window.to_timedelta() == parse_duration(overdue)


def test_what_each_tick_brings_has_a_freshness_policy(defs: dg.Definitions) -> None:
    having = {
        key.to_user_string()
        for key in defs.resolve_all_asset_keys()
        if defs.resolve_assets_def(key).specs_by_key[key].freshness_policy
    }
    assert having == {"raw/prod", "warehouse/loads"}


def column_schema(defs: dg.Definitions, key: dg.AssetKey) -> list[dg.TableColumn]:
    schema = defs.resolve_assets_def(key).metadata_by_key[key].get("dagster/column_schema")
    value = getattr(schema, "value", schema)
    return list(value.columns) if isinstance(value, dg.TableSchema) else []


def lineage(defs: dg.Definitions) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Each column with what it is derived from, as asset and column."""
    found = {}
    for key in defs.resolve_all_asset_keys():
        value = defs.resolve_assets_def(key).metadata_by_key[key].get("dagster/column_lineage")
        value = getattr(value, "value", value)
        if value is not None:
            for column, deps in value.deps_by_column.items():
                found[key.to_user_string(), column] = {
                    (dep.asset_key.to_user_string(), dep.column_name) for dep in deps
                }
    return found


def test_the_lineage_names_columns_that_exist_and_nothing_else(defs: dg.Definitions) -> None:
    known = {
        (key.to_user_string(), column.name)
        for key in defs.resolve_all_asset_keys()
        for column in column_schema(defs, key)
    }
    for column, deps in lineage(defs).items():
        assert column in known
        assert deps <= known, column


def test_each_column_is_followed_from_the_api_to_the_view(defs: dg.Definitions) -> None:
    found = lineage(defs)

    def origins(column: tuple[str, str]) -> set[tuple[str, str]]:
        deps = found.get(column, set())
        return set().union(*map(origins, deps)) if deps else {column}

    assert found["tables/tasks", "backup_id"] == {("raw/prod", "record_text.extra_info.backup.backup_id")}
    assert found["warehouse/tasks", "backup_id"] == {("tables/tasks", "backup_id")}
    assert found["tables/resources", "resource_id"] == {
        ("raw/prod", "record_text.extra_info.resource.id"),
        ("raw/prod", "record_text.extra_info.remove_resources.resources[].id"),
    }
    assert ("raw/prod", "record_text.error_info.code") in origins(("analytics/failure_causes", "error_code"))
    assert ("raw/prod", "record_text.created_at") in origins(("analytics/data_quality", "newest_task_at"))
    # No view is left without any lineage.
    for definition in (*base_tables(), *views()):
        if definition.kind != "macro":
            columns = [deps for (asset, _), deps in found.items() if asset == f"analytics/{definition.name}"]
            assert columns, definition.name


def test_the_file_of_the_columns_is_what_the_queries_say() -> None:
    tool = runpy.run_path(str(TOOL))
    assert tool["printed"]() == tool["PAGE"].read_text(encoding="utf-8"), "run make docs"
