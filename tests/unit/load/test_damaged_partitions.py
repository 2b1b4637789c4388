"""Damaged partitions are made again by whoever reads or publishes them, unless their source is loaded."""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cbr_warehouse.errors import StorageError
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.mend_tables import mend_days, mend_tables, with_sound_tables
from cbr_warehouse.load.publish import publish_warehouse, refuse_held_back
from cbr_warehouse.load.unfinished_rebuild import finish_rebuild, note_rebuild
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import forget_tables
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.update import Publication
from support.landed_records import CONTRACT, SOURCE, all_rows, land, make, printed

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = "2026-11-19"


def connect(_source: Any) -> Any:
    raise AssertionError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    records = [printed({"id": day, "created_at": f"{day}T01:00:00"}) for day in (DAY, "2026-11-18")]
    directory = land(tmp_path_factory.mktemp("sound"), "L1", [(record, NOW) for record in records])
    write_load(directory, LoadEntry("L1", SOURCE, NOW, "deep", NOW, outcome="done"))
    make(directory)
    return directory


@pytest.fixture
def context(sound: DataDirectory, tmp_path: Path) -> LoadContext:
    directory = DataDirectory(shutil.copytree(sound.root, tmp_path / "data"))
    return LoadContext(directory, CONTRACT, lambda: NOW, uuid4, connect)


def damage(context: LoadContext) -> None:
    context.directory.partition("tasks", SOURCE, DAY).write_bytes(b"no parquet")


def test_a_day_is_mended_once(context: LoadContext) -> None:
    before = all_rows(context.directory)
    damage(context)
    assert not mend_days(context, SOURCE, ["2026-11-18"])
    assert mend_days(context, SOURCE, [DAY])
    assert all_rows(context.directory) == before
    damage(context)
    assert mend_tables(context, SOURCE)
    assert not mend_tables(context, SOURCE)
    assert all_rows(context.directory) == before


def test_a_step_is_done_again_only_where_something_was_mended(context: LoadContext) -> None:
    done: list[str] = []

    def step() -> str:
        done.append("done")
        if context.directory.partition("tasks", SOURCE, DAY).read_bytes() == b"no parquet":
            raise StorageError("damaged")
        return "result"

    def make_tables() -> None:
        done.append("made")
        make(context.directory)

    assert with_sound_tables(context, SOURCE, step, make_tables) == "result"
    assert done == ["done"]
    damage(context)
    assert with_sound_tables(context, SOURCE, step, make_tables) == "result"
    assert done[1:] == ["done", "made", "done"]
    damage(context)
    raw_files(context.directory.raw_day("records", SOURCE, DAY))[0].unlink()
    with pytest.raises(StorageError, match="damaged"):
        with_sound_tables(context, SOURCE, step, make_tables)
    assert done[4:] == ["done"]


def count(context: LoadContext) -> int:
    return int(query(context.directory.warehouse, "SELECT count(*) FROM tasks").rows[0][0])


def test_a_publication_mends_what_it_finds_unless_the_source_is_being_loaded(
    context: LoadContext, caplog: pytest.LogCaptureFixture
) -> None:
    publish_warehouse(context)
    new = printed({"id": "new", "created_at": f"{DAY}T02:00:00"})
    make(land(context.directory.root, "L2", [(new, NOW)]))
    damage(context)
    with hold_source(context, SOURCE, "load of prod", wait=False), caplog.at_level(logging.WARNING):
        held_back = publish_warehouse(context)
    assert list(held_back) == [SOURCE]
    assert f"{SOURCE}: its damaged days could not be made again." in caplog.text
    assert count(context) == 2
    with pytest.raises(StorageError, match=f"^{SOURCE}: .*Its rows stay as they were published"):
        refuse_held_back(Publication(dict(held_back)))
    refuse_held_back(Publication())
    assert publish_warehouse(context) == {}
    assert count(context) == 3


@pytest.mark.fault("killed processes")
def test_the_tables_of_a_killed_rebuild_are_made_by_the_next_publication(context: LoadContext) -> None:
    before = all_rows(context.directory)
    note_rebuild(context.directory)
    forget_tables(context.directory)
    with hold_source(context, SOURCE, "load of prod", wait=False):
        finish_rebuild(context)
    assert context.directory.rebuild_note.exists()
    assert not any(all_rows(context.directory).values())
    finish_rebuild(context)
    assert not context.directory.rebuild_note.exists()
    assert all_rows(context.directory) == before


@pytest.mark.fault("isolation of sources")
def test_a_source_whose_tables_cannot_be_made_keeps_no_other_unpublished(
    context: LoadContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.")

    note_rebuild(context.directory)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("cbr_warehouse.load.unfinished_rebuild.make_tables", refuse)
        finish_rebuild(context)
    expected = "prod: its tables could not be made again after a rebuild (The disk is full.)"
    assert expected in caplog.messages
    assert context.directory.rebuild_note.exists()


class Killed(BaseException):
    """As a signal would end it."""


@pytest.mark.fault("killed processes")
def test_what_a_killed_load_left_goes_with_the_next_holder_of_its_source(context: LoadContext) -> None:
    """After a load that came to its end, no folder is searched."""
    folder = context.directory.raw_day("records", SOURCE, DAY)
    left = folder / f"{TEMPORARY_PREFIX}half.parquet"
    with hold_source(context, SOURCE, "load of prod", wait=False):
        left.write_bytes(b"half of it")
    with hold_source(context, SOURCE, "load of prod", wait=False):
        assert left.exists()
    with pytest.raises(Killed), hold_source(context, SOURCE, "load of prod", wait=False):
        raise Killed
    with hold_source(context, SOURCE, "load of prod", wait=False):
        assert not left.exists()
    assert raw_files(folder)
