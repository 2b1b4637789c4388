"""Who holds the lock removes what killed processes left, and nothing that another one still writes."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.locks import hold_directory, hold_everything
from cbr_warehouse.storage.layout import DataDirectory

pytestmark = pytest.mark.fault("killed processes")


def connect(_source: Any) -> Any:
    raise AssertionError


def context_of(folder: Path) -> LoadContext:
    now = datetime(2026, 11, 20, 13, tzinfo=UTC)
    return LoadContext(DataDirectory(folder), read_contract(), lambda: now, uuid4, connect)


def left(folder: Path, name: str, age_seconds: float) -> Path:
    path = folder / name
    path.write_bytes(b"half of it")
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


@pytest.mark.parametrize("hold", [hold_directory, hold_everything])
def test_unfinished_warehouses_go_at_once_and_other_files_after_an_hour(tmp_path: Path, hold: Any) -> None:
    abandoned = [
        left(tmp_path, ".part-1-warehouse.duckdb", 0),
        left(tmp_path, ".part-2-warehouse.duckdb.wal", 10),
        left(tmp_path, ".part-3-state.json", 3700),
    ]
    folder = tmp_path / ".part-4-warehouse.duckdb-spill"
    folder.mkdir()
    (folder / "spilled").write_bytes(b"x")
    vanished = tmp_path / ".part-6-state.json"  # as if another process removed it meanwhile
    vanished.symlink_to(tmp_path / "nothing")
    kept = [left(tmp_path, ".part-5-state.json", 3500), left(tmp_path, "warehouse.duckdb", 90_000)]
    with hold(context_of(tmp_path), "test"):
        assert not [path for path in [*abandoned, folder] if path.exists()]
        assert all(path.exists() for path in kept)
