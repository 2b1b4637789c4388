"""Raw files that a bad disk damaged: found, set aside, fetched again; what cannot be is said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.command_line import Workplace
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.fault("damaged files")

TABLES = ("tasks", "resources", "resource_volumes", "replications", "task_versions")


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def one_bit_turned(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(bytes(content))


@pytest.fixture
def loaded(workplace: Workplace, emulate: Callable[..., str]) -> Workplace:
    workplace.configure(emulate("--tasks", "600", "--days", "12", "--seed", "3", "--freeze"))
    done = workplace.run("load")
    assert done.status == 0, done.err
    return workplace


def raw_file(place: Workplace, kind: str, days_ago: int) -> Path:
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date()
    return min((place.data / "raw" / kind / "source=prod" / f"day={day}").glob("*.parquet"))


def test_what_damaged_files_held_is_fetched_again(loaded: Workplace) -> None:
    assert loaded.run("load", "--deep").status == 0  # manifests are of records received again
    sound = hashes(loaded.data / "warehouse.duckdb")
    for days_ago, damage in enumerate((shortened, emptied, one_bit_turned)):
        damage(raw_file(loaded, "records", days_ago))
        damage(raw_file(loaded, "manifests", 6 + days_ago))
    done = loaded.run("load")
    assert done.status == 0, done.err
    assert "were damaged and are set aside" in done.err
    assert hashes(loaded.data / "warehouse.duckdb") == sound
    assert len(list((loaded.data / "raw" / "damaged").rglob("*.parquet"))) == 6
    assert loaded.run("rebuild").status == 0
    assert hashes(loaded.data / "warehouse.duckdb") == sound
    again = loaded.run("load")
    assert again.status == 0, again.err
    assert "damaged" not in again.err


def test_a_source_that_fails_leaves_the_tables_as_they_were(loaded: Workplace) -> None:
    sound = hashes(loaded.data / "warehouse.duckdb")
    shortened(raw_file(loaded, "records", 5))
    for _ in range(2):
        assert loaded.run("load", CBR_TOKEN="no-token").status == 1
        held = hashes(loaded.data / "warehouse.duckdb")
        assert [held[f"main.{table}"] for table in TABLES] == [sound[f"main.{table}"] for table in TABLES]
        (state,) = loaded.sql("SELECT state FROM coverage WHERE day = (now() AT TIME ZONE 'UTC')::DATE - 5")
        assert state == {"state": "unverified"}
    assert loaded.run("load").status == 0
    assert hashes(loaded.data / "warehouse.duckdb") == sound


def test_a_rebuild_refuses_a_damaged_file_and_touches_nothing(loaded: Workplace) -> None:
    sound = hashes(loaded.data / "warehouse.duckdb")
    damaged = raw_file(loaded, "records", 5)
    one_bit_turned(damaged)
    done = loaded.run("rebuild")
    assert done.status == 1
    assert str(damaged) in done.err
    assert "Traceback" not in done.err
    assert hashes(loaded.data / "warehouse.duckdb") == sound


def test_a_file_whose_day_the_source_serves_no_more_is_told_and_its_tables_stand(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(
        emulate("--tasks", "1500", "--days", "45", "--seed", "3", "--freeze", "--dialect", "retention=none"),
        history="2d",
    )
    assert workplace.run("load", "--since", "40d", "--until", "35d").status == 0
    held = workplace.sql("SELECT count(*) AS n FROM tasks")
    damaged = raw_file(workplace, "records", 38)
    emptied(damaged)
    done = workplace.run("load")
    assert done.status == 1
    assert str(damaged) in done.err
    assert "restore the file from a backup" in done.err
    now = workplace.sql("SELECT count(*) AS n FROM tasks WHERE created_at < now() - INTERVAL 34 DAY")
    assert now == held
    assert workplace.sql(
        "SELECT count(*) > 0 AS more FROM tasks WHERE created_at > now() - INTERVAL 34 DAY"
    ) == [{"more": True}]
