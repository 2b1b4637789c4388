"""Loading again: an unchanged source changes nothing, and is asked for little."""

import json
from collections.abc import Callable

import pytest
from workplace import Workplace

MAY_MOVE = {"coverage": ["checked_at"], "task_versions": ["last_seen_at"], "quarantine": ["last_seen_at"]}
TABLES = ("tasks", "resources", "resource_volumes", "replications", "task_versions", "quarantine", "coverage")


def content(workplace: Workplace, *, with_moving: bool = False) -> dict[str, list[str]]:
    """Every row of every table but ``loads``, without the columns that may move."""
    found = {}
    for table in TABLES:
        left_out = [] if with_moving else MAY_MOVE.get(table, [])
        excluded = f"EXCLUDE ({', '.join(left_out)})" if left_out else ""
        rows = workplace.sql(f"SELECT * {excluded} FROM {table}")
        found[table] = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return found


@pytest.fixture
def loaded(workplace: Workplace, emulate: Callable[..., str]) -> Workplace:
    workplace.configure(emulate("--tasks", "4000", "--days", "30", "--seed", "7", "--freeze"))
    done = workplace.run("load")
    assert done.status == 0, done.err
    return workplace


def test_a_second_load_changes_no_row_and_asks_for_little(loaded: Workplace) -> None:
    before = content(loaded)
    assert loaded.run("load").status == 0
    assert content(loaded) == before
    first, second = loaded.sql("SELECT * FROM loads ORDER BY load_id")
    assert (second["new"], second["changed"], second["superseded"], second["quarantined"]) == (0, 0, 0, 0)
    assert second["repeats"] == second["records"]
    assert second["requests"] < first["requests"] / 2


def test_records_received_are_all_accounted_for(loaded: Workplace) -> None:
    (row,) = loaded.sql(
        "SELECT records, new + changed + superseded + repeats + quarantined AS told, new FROM loads"
    )
    assert row["records"] == row["told"]
    assert [{"new": row["new"]}] == loaded.sql("SELECT count(*) AS new FROM tasks")


def test_every_day_but_the_first_and_today_is_complete(loaded: Workplace) -> None:
    states = [row["state"] for row in loaded.sql("SELECT state FROM coverage ORDER BY day")]
    assert states[0] == "unverified"
    assert states[-1] == "open"
    assert set(states[1:-1]) == {"complete"}


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
