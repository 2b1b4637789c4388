"""The engine that makes the tables: bounded, in UTC, given more memory only where work needs it."""

from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.tables.engine import (
    MEMORY_LIMIT_MB,
    MOST_MEMORY_MB,
    do_within_memory,
    open_engine,
    open_shared_engine,
    with_enough_memory,
)


def setting(engine: duckdb.DuckDBPyConnection, name: str) -> str:
    return str(engine.execute(f"SELECT current_setting('{name}')").fetchall()[0][0])


def megabytes(engine: duckdb.DuckDBPyConnection) -> float:
    number, unit = setting(engine, "memory_limit").split()
    return float(number) * {"MiB": 2**20, "GiB": 2**30}[unit] / 10**6


@pytest.mark.parametrize("opened", [open_engine, open_shared_engine])
def test_it_is_bounded_in_utc_and_closed_in_the_end(tmp_path: Path, opened: type) -> None:
    with opened(tmp_path) as engine:
        assert setting(engine, "TimeZone") == "UTC"
        assert megabytes(engine) == pytest.approx(MEMORY_LIMIT_MB, abs=0.1)
        with duckdb.connect() as plain:
            assert setting(engine, "threads") == setting(plain, "threads")
        # Spilled to where the next load removes it if this process is killed.
        spill = Path(setting(engine, "temp_directory"))
        assert spill.parent == tmp_path
        assert spill.name.startswith(TEMPORARY_PREFIX)
    with pytest.raises(duckdb.ConnectionException):
        engine.execute("SELECT 1")


def test_its_threads_can_be_limited(tmp_path: Path) -> None:
    with open_engine(tmp_path, 1) as engine:
        assert setting(engine, "threads") == "1"


class Work:
    """Work that runs out of memory below what it needs."""

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.given: list[int] = []

    def do(self, given: int) -> str:
        self.given.append(given)
        if given < self.needed:
            raise duckdb.OutOfMemoryException("too little")
        return "done"


def test_memory_doubles_until_it_suffices() -> None:
    work = Work(needed=3 * MEMORY_LIMIT_MB)
    assert with_enough_memory(work.do) == "done"
    assert work.given == [MEMORY_LIMIT_MB, 2 * MEMORY_LIMIT_MB, 4 * MEMORY_LIMIT_MB]


def test_work_that_the_most_memory_does_not_suffice_for_fails() -> None:
    work = Work(needed=MOST_MEMORY_MB + 1)
    with pytest.raises(duckdb.OutOfMemoryException):
        with_enough_memory(work.do)
    assert work.given[-1] == MOST_MEMORY_MB


def test_a_step_that_needs_more_has_it_and_the_next_one_does_not(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        work = Work(needed=2 * MEMORY_LIMIT_MB)
        assert do_within_memory(engine, lambda: work.do(round(megabytes(engine)))) == "done"
        assert work.given == [MEMORY_LIMIT_MB, 2 * MEMORY_LIMIT_MB]
        assert megabytes(engine) == pytest.approx(MEMORY_LIMIT_MB, abs=0.1)


def test_a_step_that_fails_leaves_the_limit_as_it_was(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        work = Work(needed=MOST_MEMORY_MB + 1)
        with pytest.raises(duckdb.OutOfMemoryException):
            do_within_memory(engine, lambda: work.do(round(megabytes(engine))))
        assert megabytes(engine) == pytest.approx(MEMORY_LIMIT_MB, abs=0.1)
