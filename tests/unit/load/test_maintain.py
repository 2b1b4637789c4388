"""Compaction loses no record, version or sighting and makes no day dirty, wherever it is killed."""

import io
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.load import compact_days
from cbr_warehouse.load.maintain import maintain
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.raw import compaction, landing_buffer
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.raw.ledgers import LandedFile, LandedFiles, write_landed_files
from cbr_warehouse.raw.stored_records import count_missing
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from support.flipped_bit import flip_bit
from support.living_source import Dialect, living
from support.load_bench import Bench

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)


class Killed(BaseException):
    """As a signal would end it: nothing handles this."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with many small files a day, some with edited tasks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic_write, "_sync", lambda _path: None)
        patch.setattr(landing_buffer, "FLUSH_BYTES", 1)
        bench = Bench(tmp_path_factory.mktemp("maintain") / "data", living(NOW, 1, Dialect()))
        for _ in range(4):
            bench.load(deep=True)
            bench.source.now += timedelta(hours=2)
    return bench.directory.root


def copied(loaded: Path, folder: Path) -> Bench:
    shutil.copytree(loaded, folder)
    return Bench(folder, living(NOW + timedelta(days=4), 1, Dialect()))


def rows(kind: str, directory: DataDirectory) -> Counter[Any]:
    """Every record, or the first and last sighting of each text, of each day."""
    found: Counter[Any] = Counter()
    for day in directory.raw_days("prod"):
        tables = [
            pq.ParquetFile(io.BytesIO(path.read_bytes())).read()
            for path in raw_files(directory.raw_day(kind, "prod", day))
        ]
        all_rows = [row for table in tables for row in table.to_pylist()]
        if kind == "records":
            found.update((day, *row.values()) for row in all_rows)
            continue
        seen: dict[str, list[datetime]] = {}
        for row in all_rows:
            seen.setdefault(row["content_hash"], []).append(row["fetched_at"])
        found.update((day, text, min(times), max(times)) for text, times in seen.items())
    return found


def versions(bench: Bench) -> list[Any]:
    return bench.ask("SELECT * FROM task_versions ORDER BY ALL")


def assert_nothing_changed(bench: Bench, before: dict[str, Counter[Any]]) -> None:
    directory = bench.directory
    assert {kind: rows(kind, directory) for kind in ("records", "manifests")} == before
    assert make_tables(directory, "prod", bench.loading().contract).days == ()
    assert count_missing(directory, "prod") == {}


@pytest.fixture(autouse=True)
def _without_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "_sync", lambda _path: None)


def test_closed_days_have_one_file_a_kind_afterwards_and_nothing_else_changes(
    loaded: Path, tmp_path: Path
) -> None:
    bench = copied(loaded, tmp_path / "data")
    directory, context = bench.directory, bench.loading()
    before = {kind: rows(kind, directory) for kind in ("records", "manifests")}
    table = versions(bench)
    for day in directory.raw_days("prod"):
        files = raw_files(directory.raw_day("records", "prod", day))
        landed = tuple(LandedFile(day, path.name, 1) for path in files)
        write_landed_files(directory, "prod", LandedFiles(f"landed-{day}", 1, landed))
    (foreseen,) = maintain(context, {}, is_dry_run=True)
    assert rows("records", directory) == before["records"]
    (done,) = maintain(context, {})
    assert (done.files, done.days) == (foreseen.files, foreseen.days)
    assert done.files > done.days > 0
    assert_nothing_changed(bench, before)
    for day in directory.raw_days("prod"):
        for kind in ("records", "manifests"):
            assert len(raw_files(directory.raw_day(kind, "prod", day))) <= 1
    (again,) = maintain(context, {})
    assert (again.files, again.leftovers) == (0, 0)
    rebuild(context)
    assert versions(bench) == table
    day = directory.raw_days("prod")[0]
    raw_files(directory.raw_day("records", "prod", day))[0].unlink()
    assert count_missing(directory, "prod").keys() == {day}


STEPS: tuple[tuple[Any, str], ...] = (
    (compaction, "write_checked_json"),
    (compaction, "put_in_place"),
    (compaction, "remove_file"),
    (compact_days, "rename_inputs"),
)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("module", "name"), STEPS)
def test_killed_anywhere_the_next_holder_of_the_lock_comes_to_its_end(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool
) -> None:
    bench = copied(loaded, tmp_path / "data")
    before = {kind: rows(kind, bench.directory) for kind in ("records", "manifests")}
    plain: Callable[..., Any] = getattr(module, name)
    for number in (1, 2):
        left = [number]

        def die(*values: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == 0 and not after:
                raise Killed
            found = plain(*values)
            if left[0] == 0:
                raise Killed
            return found

        with monkeypatch.context() as patched:
            patched.setattr(module, name, die)
            with pytest.raises(Killed):
                list(maintain(bench.loading(), {}))
        compact_days.resume_compaction(bench.directory, "prod")
        assert_nothing_changed(bench, before)
    list(maintain(bench.loading(), {}))
    assert_nothing_changed(bench, before)


def test_a_day_with_a_damaged_file_is_left_alone(loaded: Path, tmp_path: Path) -> None:
    bench = copied(loaded, tmp_path / "data")
    day = bench.directory.raw_days("prod")[0]
    files = raw_files(bench.directory.raw_day("manifests", "prod", day))
    flip_bit(files[0])
    (done,) = maintain(bench.loading(), {})
    assert done.days > 0  # the others are compacted all the same
    assert raw_files(bench.directory.raw_day("manifests", "prod", day)) == files
