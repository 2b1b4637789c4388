"""The engine that makes the tables: bounded, in UTC, given more memory only where work needs it."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.tables.engine import (
    MEMORY_LIMIT_MB,
    MOST_MEMORY_MB,
    do_within_memory,
    keep_engines,
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


def made_by(engine: duckdb.DuckDBPyConnection) -> list[str]:
    """What the engine finds in a table that an earlier user of the same one has left in it."""
    engine.execute("CREATE TABLE IF NOT EXISTS left_behind (who VARCHAR)")
    engine.execute("INSERT INTO left_behind SELECT uuid()")
    return [str(who) for (who,) in engine.execute("FROM left_behind").fetchall()]


@pytest.mark.parametrize("opened", [open_engine, open_shared_engine])
def test_engines_are_used_again_while_they_are_kept_and_as_new(tmp_path: Path, opened: type) -> None:
    with keep_engines(tmp_path):
        with opened(tmp_path) as engine:
            assert len(made_by(engine)) == 1
            engine.execute("SET memory_limit = '500MB'")
            engine.execute("SET TimeZone = 'Asia/Tokyo'")
            engine.execute("CREATE TEMP TABLE own AS SELECT 1")
            engine.register("shown", pa.table({"one": [1]}))
            folder = setting(engine, "temp_directory")
        with keep_engines(tmp_path), opened(tmp_path) as engine:
            assert len(made_by(engine)) == 2
            assert setting(engine, "temp_directory") == folder
            assert setting(engine, "TimeZone") == "UTC"
            assert megabytes(engine) == pytest.approx(MEMORY_LIMIT_MB, abs=0.1)
            for table in ("own", "shown"):
                with pytest.raises(duckdb.CatalogException):
                    engine.execute(f"FROM {table}")
        with opened(tmp_path) as engine:
            assert len(made_by(engine)) == 3
    with opened(tmp_path) as engine:
        assert len(made_by(engine)) == 1


def test_no_engine_is_used_by_two_at_once_or_for_another_kind_of_work(tmp_path: Path) -> None:
    with keep_engines(tmp_path):
        with open_engine(tmp_path) as one, open_engine(tmp_path) as other:
            assert len(made_by(one)) == len(made_by(other)) == 1
        for kind in ({"threads": 1}, {"spill_name": "else"}):
            with open_engine(tmp_path, **kind) as engine:
                assert len(made_by(engine)) == 1
        with open_engine(tmp_path, spill_name="else") as engine:
            assert len(made_by(engine)) == 1
        with open_engine(tmp_path / "elsewhere") as engine:
            assert len(made_by(engine)) == 1


def test_an_engine_in_whose_use_something_failed_is_not_used_again(tmp_path: Path) -> None:
    with keep_engines(tmp_path):
        with pytest.raises(duckdb.CatalogException), open_engine(tmp_path) as engine:
            engine.execute(f"CREATE TABLE left_behind AS FROM range({len(made_by(engine))}), nothing")
        with open_engine(tmp_path) as engine:
            assert len(made_by(engine)) == 1


def test_what_kept_engines_have_spilled_is_removed_with_them(tmp_path: Path) -> None:
    with keep_engines(tmp_path):
        with open_engine(tmp_path, 1) as engine:
            engine.execute("SET memory_limit = '20MB'")
            engine.execute("CREATE TEMP TABLE large AS SELECT uuid()::VARCHAR AS id FROM range(1_000_000)")
            folder = Path(setting(engine, "temp_directory"))
            assert [*folder.iterdir()]
        assert [*tmp_path.iterdir()] == [folder]
        assert [*folder.iterdir()] == []
    assert [*tmp_path.iterdir()] == []


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
