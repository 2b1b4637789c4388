"""A DuckLake answers as the file that was published to it: every table, view and macro, bit for bit."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.analytics import ScheduleOverride
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.lake.publish import publish_to_lake
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import LakeAddress
from support.lake_cells import answers, rows_in, rows_of
from support.many_sources import context_of, land_sources

pytestmark = pytest.mark.needs_program("psql", package="postgresql")

NOT_EXACT_IN_PARQUET = (
    "UPDATE analytics.schedule_interval SET backup_interval = INTERVAL '1 month -3 days 1 microsecond'",
    "UPDATE analytics.attempt SET wait_seconds = CASE WHEN progress > 50 THEN -0.0 ELSE 'nan'::DOUBLE END",
    "UPDATE analytics.attempt SET started_at = TIMESTAMPTZ '2026-01-01 00:00:00.000001+00'",
    "UPDATE tasks SET error_message = '\"\\ \x1b %s {0} \u2028 \U0001f600' || vault_name",
)
"""Statements that write what a file format, or what escapes texts, may lose."""

VIEWS = ("analytics.scorecard", "analytics.protection_coverage", "analytics.data_quality")


def test_an_estate(estate: tuple[Path, Settings], published: LakeAddress) -> None:
    directory = DataDirectory(estate[0])
    file = answers(directory.warehouse)
    assert answers(published) == file
    assert len(file) > 100


def test_values_that_parquet_would_round(
    estate: tuple[Path, Settings], own_lake: LakeAddress, tmp_path: Path
) -> None:
    shutil.copytree(estate[0], tmp_path / "data")
    directory = DataDirectory(tmp_path / "data")
    with duckdb.connect(str(directory.warehouse)) as connection:
        for statement in NOT_EXACT_IN_PARQUET:
            connection.execute(statement)
    directory.warehouse_note.unlink()
    publish_to_lake(directory, own_lake)
    changed = ("analytics.schedule_interval", "analytics.attempt", "main.tasks")
    assert rows_of(own_lake, *changed) == rows_of(directory.warehouse, *changed)


def test_other_settings(estate: tuple[Path, Settings], own_lake: LakeAddress, tmp_path: Path) -> None:
    """With the settings, the definitions stay, and all rows of the analytics are others."""
    shutil.copytree(estate[0], tmp_path / "data")
    context = context_of(tmp_path / "data", estate[1])
    other = replace(
        context.analytics,
        timezone="America/St_Johns",
        day_anchor=time(3, 30),
        schedules=(ScheduleOverride(timedelta(hours=7, microseconds=5), "x", None, None),),
    )
    rebuild(replace(context, analytics=other))
    publish_to_lake(context.directory, own_lake)
    assert rows_of(own_lake) == rows_of(context.directory.warehouse)


@settings(max_examples=1, deadline=None, phases=[Phase.generate])
@given(st.integers(1, 40), st.integers(1, 3), st.integers(0, 9999))
def test_random_estates_one_after_the_other(
    new_lake: Callable[[], LakeAddress], tasks: int, days: int, seed: int
) -> None:
    """The second has other sources, days and tasks than the first, in the same DuckLake."""
    lake = new_lake()
    with TemporaryDirectory() as temporary:
        for number in (0, 1):
            directory = DataDirectory(Path(temporary) / f"data{number}")
            configured = land_sources(directory.root, 2 - number, tasks, days, seed=seed + number)
            rebuild(context_of(directory.root, configured))
            publish_to_lake(directory, lake)
        with open_published(lake) as ours, open_published(directory.warehouse) as file:
            assert rows_in(ours) == rows_in(file)
            assert rows_in(ours, *VIEWS) == rows_in(file, *VIEWS)
