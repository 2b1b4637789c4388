"""A sweep counts as landed only once every record of it is on the disk, however landing gathers records."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import StorageError, TransientSourceError
from cbr_warehouse.extract import sweep_runner
from cbr_warehouse.extract.plan import Sweep
from cbr_warehouse.extract.source_clock import SourceClock
from cbr_warehouse.extract.sweep_runner import SweepRunner
from cbr_warehouse.raw import landing_buffer
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import SweepEntry
from cbr_warehouse.source.page import Page
from cbr_warehouse.source.query import TaskQuery
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAGES, SWEEPS = 5, 12


class Client:
    """Gives each window five large records; one window may fail after some pages."""

    def __init__(self, failing: int | None = None) -> None:
        self._failing = failing

    def list_tasks(self, query: TaskQuery, *, limit: int, offset: int) -> Page:
        assert query.start_time is not None
        day = query.start_time.day
        if day == self._failing and offset >= 2:
            raise TransientSourceError("the source is down")
        shared = {"created_at": f"2026-11-{day:02}T01:00:00", "vault_name": "x" * 4_000}
        records = tuple(
            json.dumps({"id": f"{day}-{place}", **shared}).encode()
            for place in range(offset, min(offset + 2, PAGES))
        )
        return Page(records, PAGES, NOW, query, limit, offset, status=200)


def run(folder: Path, client: Client) -> SweepRunner:
    contract, directory = read_contract(), DataDirectory(folder)
    landing = Landing(
        directory, "prod", "L1", validator=RecordValidator(contract), contract=contract.fingerprint
    )
    runner = SweepRunner(client, landing, directory, "prod", "L1", SourceClock(lambda: NOW, "prod"))  # type: ignore[arg-type]  # asks alike
    begins = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, SWEEPS + 1)]
    windows = [TaskQuery(start_time=begin, end_time=begin + timedelta(days=1)) for begin in begins]
    runner.sweep_all(Sweep(window, "a day") for window in windows)
    return runner


def on_disk(folder: Path) -> Counter[int]:
    """Records stored by sweep."""
    paths = folder.rglob("raw/records/**/[!.]*.parquet")
    columns = (pq.ParquetFile(path).read(columns=["sweep"])["sweep"] for path in paths)
    return Counter(sweep for column in columns for sweep in column.to_pylist())


@pytest.mark.parametrize("size", [1, 10_000, 50_000, 10**9])
@pytest.mark.parametrize("failing", [None, 7])
def test_a_noted_sweep_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, failing: int | None
) -> None:
    monkeypatch.setattr(landing_buffer, "FLUSH_BYTES", size)
    noted: list[SweepEntry] = []
    write: Callable[[DataDirectory, str, SweepEntry], None] = sweep_runner.write_sweep

    def checked(directory: DataDirectory, source: str, entry: SweepEntry) -> None:
        assert on_disk(tmp_path)[entry.sweep] == PAGES
        noted.append(entry)
        write(directory, source, entry)

    monkeypatch.setattr(sweep_runner, "write_sweep", checked)
    if failing is None:
        run(tmp_path, Client())
        assert sorted(entry.sweep for entry in noted) == list(range(1, SWEEPS + 1))
    else:
        with pytest.raises(TransientSourceError):
            run(tmp_path, Client(failing))
        assert on_disk(tmp_path)[failing] >= 2
        assert failing not in {entry.sweep for entry in noted}


def test_no_sweep_is_noted_where_its_records_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _content: bytes) -> None:
        if path.suffix == ".parquet":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write, "_write_all", refuse)
    with pytest.raises(StorageError, match="No space left"):
        run(tmp_path, Client())
    assert not list(tmp_path.rglob("raw/sweeps/**/*.json"))
