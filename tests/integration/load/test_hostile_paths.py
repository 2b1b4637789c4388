"""Data directories and sources whose names mean something to DuckDB or pyarrow: nothing changes by them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import PROJECT, Finished, Workplace
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.fault("unusual paths")

FOLDERS = ("source=x/day=2020-01-01", "[ab]", "env=it's {a,b} %41/a?b*[c]")


@pytest.fixture
def plain(workplace: Workplace, emulate: Callable[..., str]) -> Workplace:
    workplace.configure(emulate("--tasks", "150", "--days", "4", "--seed", "3", "--freeze"))
    done = workplace.run("load")
    assert done.status == 0, done.err
    return workplace


def beside(place: Workplace, data: Path, *words: str) -> Finished:
    return place.run(*words, CBR_WAREHOUSE_DATA_DIR=str(data))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_warehouse_is_the_same_below_any_folder(plain: Workplace, folder: str) -> None:
    """`source=x/` above the data directory gave the source `x`, and `a*b` the rows of a sibling's files."""
    wanted = hashes(plain.data / "warehouse.duckdb")
    status = plain.run("status", "--json")
    for sibling in ("aXb", "a", "b", "x"):
        # Read where the path is taken for a pattern.
        (plain.folder / sibling).symlink_to(plain.data)
    data = plain.folder / folder
    done = beside(plain, data, "load")
    assert done.status == 0, done.err
    assert hashes(data / "warehouse.duckdb") == wanted
    assert beside(plain, data, "rebuild").status == 0
    assert hashes(data / "warehouse.duckdb") == wanted
    again = beside(plain, data, "load")
    assert again.status == 0, again.err
    assert hashes(data / "warehouse.duckdb") == wanted
    rows = beside(plain, data, "sql", "SELECT DISTINCT source FROM tasks", "--format", "csv")
    assert rows.out.split() == ["source", "prod"]
    shown = beside(plain, data, "status", "--json")
    assert shown.status == status.status == 0, shown.err
    assert shown.out.count('"prod"') == status.out.count('"prod"')


def test_sources_with_names_that_read_as_values(workplace: Workplace, emulate: Callable[..., str]) -> None:
    """A source called `null` stopped all sources: its name came back as NULL from the paths."""
    names = ("null", "true", "1e5", "2020-01-01")
    endpoint = emulate("--tasks", "60", "--days", "3", "--seed", "3", "--freeze")
    shared = f'endpoint = "{endpoint}"\nproject_id = "{PROJECT}"\ntoken = "env:CBR_TOKEN"\n'
    sources = [f'[[sources]]\nname = "{name}"\n{shared}' for name in names]
    (workplace.folder / "cbr-warehouse.toml").write_text("\n".join(sources))
    for _ in range(2):
        done = workplace.run("load")
        assert done.status == 0, done.err
    for command in ("load", "rebuild"):
        assert workplace.run(command).status == 0
        rows = workplace.sql("SELECT source, count(*) AS n FROM tasks GROUP BY source ORDER BY source")
        assert [row["source"] for row in rows] == sorted(names)
        assert len({row["n"] for row in rows}) == 1
        assert workplace.sql("SELECT sum(held)::INT AS n FROM coverage GROUP BY source") == [
            {"n": row["n"]} for row in rows
        ]
    assert workplace.run("report").status == 0
