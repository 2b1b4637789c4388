"""Loading again: an unchanged source changes nothing, and is asked for little."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.command_line import Workplace
from support.emulator_server import serve

MAY_MOVE = {"coverage": ["checked_at"], "task_versions": ["last_seen_at"], "quarantine": ["last_seen_at"]}
TABLES = ("tasks", "resources", "resource_volumes", "replications", "task_versions", "quarantine", "coverage")


def content(workplace: Workplace, *, with_moving: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but ``loads``, without the columns that may move."""
    found = {}
    with duckdb.connect(str(workplace.data / "warehouse.duckdb"), read_only=True) as connection:
        for table in TABLES:
            left_out = [] if with_moving else MAY_MOVE.get(table, [])
            excluded = f"EXCLUDE ({', '.join(left_out)})" if left_out else ""
            found[table] = connection.execute(f"SELECT * {excluded} FROM {table} ORDER BY ALL").fetchall()
    return found


@pytest.fixture(scope="module")
def loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A first load, from a source that stays as it is while the tests run; tests only read it."""
    place = Workplace(tmp_path_factory.mktemp("loaded"))
    with serve("--tasks", "4000", "--days", "30", "--seed", "7", "--freeze") as url:
        place.configure(url)
        done = place.run("load")
        assert done.status == 0, done.err
        yield place


@pytest.fixture
def loaded(loaded_once: Workplace, tmp_path: Path) -> Workplace:
    """The same, to be loaded again."""
    return Workplace(Path(shutil.copytree(loaded_once.folder, tmp_path / "again")))


def test_a_second_load_changes_no_row_and_asks_for_little(loaded: Workplace) -> None:
    before = content(loaded)
    assert loaded.run("load").status == 0
    assert content(loaded) == before
    first, second = loaded.sql("SELECT * FROM loads ORDER BY load_id")
    assert (second["new"], second["changed"], second["superseded"], second["quarantined"]) == (0, 0, 0, 0)
    assert second["repeats"] == second["records"]
    assert second["requests"] < first["requests"] / 2


def test_records_received_are_all_accounted_for(loaded_once: Workplace) -> None:
    (row,) = loaded_once.sql(
        "SELECT records, new + changed + superseded + repeats + quarantined AS told, new FROM loads"
    )
    assert row["records"] == row["told"]
    assert [{"new": row["new"]}] == loaded_once.sql("SELECT count(*) AS new FROM tasks")


def test_every_day_but_the_first_and_today_is_complete(loaded_once: Workplace) -> None:
    """Late in the day the first one with a task may be the second day."""
    days = loaded_once.sql("SELECT state, held FROM coverage ORDER BY day")
    states, first = [day["state"] for day in days], next(n for n, day in enumerate(days) if day["held"])
    assert first <= 1
    assert set(states[: first + 1]) == {"unverified"}
    assert states[-1] == "open"
    assert set(states[first + 1 : -1]) == {"complete"}


def test_rebuild_makes_everything_again_from_raw_alone(loaded: Workplace) -> None:
    before = content(loaded, with_moving=True)
    loads = loaded.sql("SELECT * FROM loads")
    (loaded.data / "warehouse.duckdb").unlink()
    assert loaded.run("rebuild").status == 0
    assert content(loaded, with_moving=True) == before
    assert loaded.sql("SELECT * FROM loads") == loads


def test_a_deep_load_changes_nothing_either(loaded: Workplace) -> None:
    before = content(loaded)
    assert loaded.run("load", "--deep").status == 0
    assert content(loaded) == before
