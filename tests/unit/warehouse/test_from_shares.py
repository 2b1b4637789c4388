"""A warehouse copied together from files of single sources has the rows of one built by one process."""

from pathlib import Path

import pytest

from cbr_warehouse.analytics.by_source import steps
from cbr_warehouse.analytics.catalogue import base_tables
from cbr_warehouse.analytics.view_rows import stored_views
from cbr_warehouse.compute.runner import Always
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.warehouse import from_shares
from cbr_warehouse.warehouse.view_tables import write_views
from support.many_sources import cells, context_of, land_sources
from support.pickled_shares import PickledShares

SOURCES = 2


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings, dict[str, str]]:
    """Some sources, and every cell of what one process makes of them."""
    folder = tmp_path_factory.mktemp("estate")
    settings = land_sources(folder, sources=SOURCES, tasks=60, days=4)
    rebuild(context_of(folder, settings))
    return folder, settings, cells(folder / "warehouse.duckdb")


def test_every_table_and_view_is_the_same(
    estate: tuple[Path, Settings, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what is by resource is divided."""
    folder, settings, truth = estate
    monkeypatch.setattr(from_shares, "PART_BACKUPS", 10)
    runner = PickledShares()
    rebuild(context_of(folder, settings, Always(runner)))
    assert cells(folder / "warehouse.duckdb") == truth
    assert runner.computed.count("make_own") == runner.computed.count("make_rest") == SOURCES
    assert runner.computed.count("make_by_key") > 2 * SOURCES
    assert list(folder.glob(".part-*")) == []


def test_rows_of_views_by_source_are_those_of_the_warehouse(
    estate: tuple[Path, Settings, dict[str, str]], tmp_path: Path
) -> None:
    """Each view as a table; one whose values are not by source is the union of the sources' values."""
    folder, settings, truth = estate
    context, target = context_of(folder, settings), tmp_path / "views.duckdb"
    target.write_text("an older file")
    runner = PickledShares(times=2)
    assert write_views(context.directory, context.contract, settings.analytics, target, runner) == SOURCES
    written = cells(target)
    assert written == {name: truth[name] for name in written}
    assert {f"analytics.{view.name}" for view in stored_views()} == written.keys()
    assert runner.computed == ["make_views"] * SOURCES
    assert list(folder.glob(".part-*")) == []


def test_steps_have_every_base_table_once_and_in_order() -> None:
    own, by_key, rest = ([table for group in step for table in group] for step in steps())
    assert {table.name for table in (*own, *by_key, *rest)} == {table.name for table in base_tables()}
    assert len([*own, *by_key, *rest]) == len(base_tables())
    before: set[str] = set()
    for step in (own, by_key, rest):
        before |= {table.name for table in step}
        needed = {name for table in step for name in table.needs & {one.name for one in base_tables()}}
        assert needed <= before
    waits = {"as_of", "source_watermark"}
    assert not any(table.needs & waits for table in (*own, *by_key))
