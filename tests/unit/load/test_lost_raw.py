"""Raw files that went bad or away: what was published stands, and every load says so until it is mended."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import StorageError
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.result import LoadResult, SourceResult
from cbr_warehouse.load.revalidate_quarantine import requeue
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.load.source_load import load_source
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import read_audits
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory
from support.landed_records import all_rows
from support.living_source import Dialect, LivingSource, living

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = "2026-03-08"


class Place:
    """A source and the tables that are loaded from it, without a warehouse."""

    def __init__(self, folder: Path, source: LivingSource) -> None:
        self.source = source
        self.directory = DataDirectory(folder)
        settings = SourceSettings.model_validate(
            {"name": "prod", "endpoint": "http://x", "project_id": "p", "token": "env:X", "history": "4d"}
        )
        self._ready = ReadySource(settings, TokenCredentials(SecretStr("x")))
        self.loading = LoadContext(
            self.directory, read_contract(), lambda: self.source.now, uuid4, lambda _: self.source
        )

    def load(self, **wanted: bool) -> SourceResult:
        self.source.now += timedelta(minutes=1)
        return load_source(self.loading, self._ready, LoadRequest(**wanted))

    def tasks(self) -> list[dict[str, Any]]:
        return all_rows(self.directory)["tasks"]

    def file(self) -> Path:
        """The file with most of the day's records."""
        files = raw_files(self.directory.raw_day("records", "prod", DAY))
        return max(files, key=lambda path: pq.read_metadata(path).num_rows)

    def state(self) -> str:
        return read_audits(self.directory, "prod")[date.fromisoformat(DAY)].state

    def reason(self) -> str | None:
        return read_audits(self.directory, "prod")[date.fromisoformat(DAY)].reason


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    source = living(NOW, 5, Dialect())
    source.tasks = [task for task in source.tasks if task.created_at < NOW]
    made = Place(tmp_path_factory.mktemp("loaded"), source)
    made.load()
    return made


@pytest.fixture
def place(loaded: Place, tmp_path: Path) -> Place:
    copy = Place(tmp_path / "data", replace(loaded.source))
    shutil.copytree(loaded.directory.root, copy.directory.root)
    return copy


def emptied(path: Path) -> None:
    path.write_bytes(b"")


LOSSES = pytest.mark.parametrize("lose", [emptied, Path.unlink])


@LOSSES
def test_a_day_that_the_source_dropped_meanwhile_stands_and_every_load_says_so(
    place: Place, lose: Callable[[Path], None]
) -> None:
    """It was made from what was left: its rows left the tables, and the load succeeded."""
    before, path = place.tasks(), place.file()
    content = path.read_bytes()
    lose(path)
    place.source.dialect = replace(place.source.dialect, retention=timedelta(days=1))
    for _ in range(2):
        report = place.load()
        assert report.kept == (DAY,)
        assert LoadResult((report,)).exit_status(strict=False) == 1
        assert place.tasks() == before
        assert (place.state(), place.reason()) == ("unverified", "damaged_raw")
    requeue(place.loading)
    assert place.tasks() == before
    path.write_bytes(content)
    assert place.load().kept == ()
    assert place.tasks() == before


@LOSSES
def test_a_day_that_the_source_still_has_is_fetched_again(place: Place, lose: Callable[[Path], None]) -> None:
    """Nothing missed a file that was deleted, and a rebuild made less of what was left."""
    before = place.tasks()
    lose(place.file())
    with pytest.raises(StorageError, match="Nothing was changed"):
        rebuild(place.loading)
    assert place.tasks() == before
    report = place.load()
    assert (report.damage.set_aside, report.kept, place.state()) == ((DAY,), (), "complete")
    report = place.load()
    assert (report.damage.set_aside, report.kept) == ((), ())
    rebuild(place.loading)
    assert place.tasks() == before


def test_what_is_gone_is_told_by_days_and_records(place: Place) -> None:
    gone = place.file()
    count = pq.read_metadata(gone).num_rows
    gone.unlink()
    with pytest.raises(StorageError, match=f"{count} records of {DAY} are missing: the ledgers list them"):
        rebuild(place.loading)


def test_another_try_for_what_is_in_quarantine_refuses_a_damaged_file(place: Place) -> None:
    """It broke off with an error of the library, or made its day without it."""
    damaged = place.file()
    emptied(damaged)
    with pytest.raises(StorageError, match=f"{damaged.name}: is damaged"):
        requeue(place.loading)


def test_old_files_are_checked_by_deep_loads_alone(place: Place) -> None:
    """Every hourly load read all raw files of all years."""
    place.source.now += timedelta(days=40)
    place.load()
    damaged = place.file()
    emptied(damaged)
    for is_deep in (False, True):
        report = place.load(deep=is_deep)
        assert [one.path for one in report.damage.beyond_reach] == [damaged] * is_deep
        assert report.kept == ()
