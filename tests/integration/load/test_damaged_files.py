"""One damaged file of one source, of any kind: never a wrong answer, and the other source is loaded."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load, rebuild
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build_state import file_checksum, read_state
from cbr_warehouse.warehouse.query import query
from support.living_source import Dialect, LivingSource, living

pytestmark = pytest.mark.fault("damaged files")

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLACES = (
    "raw/loads",
    "raw/audits",
    "raw/sweeps",
    "raw/records",
    "raw/manifests",
    "tables/.state",
    "tables/tasks",
    "tables/task_versions",
)


class Sources:
    """Two sources whose APIs do not change any more, and the data directory they are loaded into."""

    def __init__(self, folder: Path) -> None:
        self.directory = DataDirectory(folder)
        self.now = NOW
        self.apis: dict[str, LivingSource] = {}
        self.ready: list[ReadySource] = []
        for name in ("damaged", "healthy"):
            self.apis[name] = living(NOW, 5, Dialect())
            values = {
                "name": name,
                "endpoint": "http://x",
                "project_id": "p",
                "token": "env:X",
                "history": "2d",
            }
            settings = SourceSettings.model_validate(values)
            self.ready.append(ReadySource(settings, TokenCredentials(SecretStr("x"))))

    def load(self, **options: Any) -> LoadResult:
        return load(self.context(), self.ready, LoadRequest(**options))

    def rebuild(self) -> None:
        rebuild(self.context())

    def context(self) -> LoadContext:
        return LoadContext(
            self.directory,
            read_contract(),
            lambda: self.now,
            uuid4,
            lambda ready: self.apis[ready.settings.name],
        )

    def rows(self) -> list[tuple[Any, ...]]:
        return query(
            self.directory.warehouse, "SELECT source, task_id, status, updated_at FROM tasks ORDER BY ALL"
        ).rows

    def complete_days(self) -> set[tuple[Any, ...]]:
        sql = "SELECT source, day FROM coverage WHERE state = 'complete'"
        return set(query(self.directory.warehouse, sql).rows)


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(at: float) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        damaged = bytearray(content)
        damaged[int(len(content) * at)] ^= 4
        return bytes(damaged)

    return flip


DAMAGES = (halved, flipped(0.3), flipped(0.7))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = Sources(tmp_path_factory.mktemp("damaged") / "data")
    for _ in range(2):
        result = sources.load()
        assert all(one.failure is None for one in result.sources)
        sources.now += timedelta(minutes=5)
    return sources.directory.root


def files(root: Path, place: str) -> Iterator[Path]:
    """A few files of the source to be damaged, the oldest and the newest among them."""
    found = sorted(path for path in (root / place / "source=damaged").rglob("*") if path.is_file())
    yield from dict.fromkeys((found[0], found[-1]))


@pytest.mark.parametrize("place", PLACES)
def test_a_damaged_file_is_healed_or_named_and_stops_no_other_source(
    loaded: Path, tmp_path: Path, place: str
) -> None:
    """A flipped bit in a ledger made a day `complete`; a truncated one stopped all sources."""
    for index, path in enumerate(files(loaded, place)):
        for number, damage in enumerate(DAMAGES):
            sources = Sources(tmp_path / f"{index}-{number}")
            sources.now = NOW + timedelta(minutes=10)
            shutil.copytree(loaded, sources.directory.root)
            rows, complete = sources.rows(), sources.complete_days()
            damaged = sources.directory.root / path.relative_to(loaded)
            damaged.write_bytes(damage(damaged.read_bytes()))
            result = sources.load()
            failures = {one.entry.source: one.failure for one in result.sources}
            assert failures["healthy"] is None
            assert sources.rows() == rows
            assert sources.complete_days() <= complete
            failure = failures["damaged"]
            if failure is not None:
                assert isinstance(failure, CbrWarehouseError), repr(failure)
                assert str(damaged) in str(failure)
                damaged.unlink()
                after = sources.load()
                assert all(one.failure is None for one in after.sources)
                assert sources.rows() == rows


@pytest.mark.parametrize("is_fresh", [False, True])
@pytest.mark.parametrize("table", ["tasks", "task_versions"])
def test_a_damaged_partition_is_made_again_from_raw_by_the_load(
    loaded: Path, tmp_path: Path, table: str, is_fresh: bool
) -> None:
    """It ended every load of any source with the advice to rebuild."""
    for number, damage in enumerate((*DAMAGES, None)):
        sources = Sources(tmp_path / str(number))
        sources.now = NOW + timedelta(minutes=10)
        shutil.copytree(loaded, sources.directory.root)
        rows = sources.rows()
        damaged = sources.directory.partitions(table, "damaged")[0]
        if damage is None:
            damaged.unlink()
        else:
            damaged.write_bytes(damage(damaged.read_bytes()))
        if is_fresh:
            sources.directory.warehouse.unlink()
        result = sources.load(deep=not is_fresh)
        assert result.exit_status(strict=False) == 0
        assert sources.rows() == rows
        state = read_state(sources.directory, "damaged", damaged.parent.name.removeprefix("day="))
        assert state is not None
        assert state.files[table] == (damaged.stat().st_size, file_checksum(damaged))


def test_a_source_that_cannot_be_published_ends_its_load_with_1(loaded: Path, tmp_path: Path) -> None:
    """Where raw lacks what the day was made from, nothing of the source changes, and it says so."""
    sources = Sources(tmp_path / "data")
    sources.now = NOW + timedelta(minutes=10)
    shutil.copytree(loaded, sources.directory.root)
    rows = sources.rows()
    lost = sources.directory.partitions("tasks", "damaged")[0]
    day = lost.parent.name.removeprefix("day=")
    for path in sources.directory.raw_day("records", "damaged", day).iterdir():
        path.unlink()
    lost.unlink()
    sources.apis["damaged"].tasks.clear()
    with duckdb.connect(str(sources.directory.warehouse)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
    result = sources.load()
    damaged, healthy = result.sources
    assert (damaged.is_good, healthy.is_good) == (False, True)
    assert str(lost) in str(damaged.held_back)
    assert sources.rows() == rows
