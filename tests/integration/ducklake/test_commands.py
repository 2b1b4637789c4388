"""Every command that reads works the same on a DuckLake as on the file, and loads publish to it."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.warehouse.place import LakeAddress
from support.command_line import COMMAND, Workplace
from support.emulator_server import serve
from support.frugal import VARIABLE

pytestmark = pytest.mark.needs_program("psql", package="postgresql")


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, new_lake: Callable[[], LakeAddress]
) -> Iterator[tuple[Workplace, Workplace]]:
    """Two workplaces with one data directory, loaded: one reads the DuckLake, the other the file."""
    lake: LakeAddress = new_lake()
    folder = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch, serve("--tasks", "60", "--days", "2", "--seed", "7") as url:
        patch.setenv("CATALOG_PASSWORD", str(lake.password))
        ours, file = Workplace(folder), Workplace(folder / "file")
        ours.configure(url, history="2d")
        source = (folder / "cbr-warehouse.toml").read_text()
        file.folder.mkdir()
        (file.folder / "cbr-warehouse.toml").write_text(f'data_dir = "{ours.data}"\n{source}')
        address = f"ducklake:postgres:{lake.parameters} password=env:CATALOG_PASSWORD"
        (folder / "cbr-warehouse.toml").write_text(
            f'warehouse = "{address}"\nwarehouse_files = "{lake.files}"\n{source}'
        )
        done = ours.run("load", **{VARIABLE: ""})  # with comments
        assert done.status == 0, done.err
        yield ours, file


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT * FROM tasks ORDER BY ALL", "--format", "json"),
        ("sql", "SELECT * FROM scorecard ORDER BY ALL", "--format", "csv"),
        ("sql", 'SELECT column_name, column_type, "null" FROM (DESCRIBE analytics.attempt)'),
        ("status", "--json"),
        ("views", "protection_coverage"),
        ("quarantine", "list"),
        ("report", "--digest", "--period", "day"),
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_it_prints_the_same(both: tuple[Workplace, Workplace], words: tuple[str, ...]) -> None:
    ours, file = (workplace.run(*words) for workplace in both)
    assert ours.status == file.status == 0, ours.err
    assert ours.out == file.out


def test_controls_say_the_same(both: tuple[Workplace, Workplace]) -> None:
    """But for the hours that data_fresh counts to the present."""
    ours, file = (workplace.run("check", "--format", "json") for workplace in both)
    assert ours.status == file.status, ours.err
    said, expected = (
        [one for one in json.loads(done.out) if one["control"] != "data_fresh"] for done in (ours, file)
    )
    assert said == expected
    assert len(said) > 10


def test_a_report_has_the_same_page(both: tuple[Workplace, Workplace]) -> None:
    pages = []
    for workplace in both:
        done = workplace.run("report", "--period", "day", "--out", str(workplace.folder / "page"))
        assert done.status == 0, done.err
        pages.append(Path(done.out.strip()).read_bytes())
    assert pages[0] == pages[1]


def test_the_python_interface(both: tuple[Workplace, Workplace]) -> None:
    ours, _ = both
    with (ours.folder / "cbr-warehouse.toml").open() as lines:
        address = next(iter(lines)).split('"')[1]
    with open_warehouse(address) as lake, open_warehouse(ours.data) as other:
        assert lake.as_of == other.as_of
        assert lake.tasks().equals(other.tasks())
        assert lake.scorecard().equals(other.scorecard())
        assert set(lake.names()["name"]) == set(other.names()["name"])
        assert lake.names()["comment"].notna().all()
        assert "ducklake:postgres:" in repr(lake)


def test_the_local_page_shows_what_is_published(both: tuple[Workplace, Workplace]) -> None:
    with _serving(both[0]) as url:
        first = urllib.request.urlopen(url, timeout=60).read()
        done = both[0].run("load")
        assert done.status == 0, done.err
        assert b"<html" in first
        assert urllib.request.urlopen(url, timeout=60).read() != first, "the time of the load is on it"


def test_maintenance_and_verification(both: tuple[Workplace, Workplace]) -> None:
    ours, _ = both
    done = ours.run("maintain")
    assert "0 snapshots ended, 0 files removed" in done.out, done.err
    done = ours.run("verify")
    assert done.status == 0, done.out + done.err


def test_the_doctor_opens_it(both: tuple[Workplace, Workplace]) -> None:
    done = both[0].run("doctor", "--json")
    assert done.status == 0, done.err
    (check,) = next(one["checks"] for one in json.loads(done.out) if one["source"] == "warehouse")
    assert (check["name"], check["state"]) == ("ducklake", "ok")


def test_a_mistake_in_a_query_is_the_same(both: tuple[Workplace, Workplace]) -> None:
    ours, file = (workplace.run("sql", "SELECT nothing FROM tasks") for workplace in both)
    assert (ours.status, ours.err) == (file.status, file.err)
    done = both[0].run("sql", "DROP TABLE tasks")
    assert done.status != 0
    done = both[0].run("sql", "COPY tasks TO 'tasks.csv'")
    assert done.status != 0


def test_a_server_that_is_away(both: tuple[Workplace, Workplace], tmp_path: Path) -> None:
    away = Workplace(tmp_path)
    (tmp_path / "cbr-warehouse.toml").write_text(
        'warehouse = "ducklake:postgres:host=127.0.0.1 port=1 dbname=cbr password=env:CATALOG_PASSWORD"\n'
    )
    done = away.run("sql", "SELECT 1")
    assert done.status == 1
    assert "ducklake:postgres:host=127.0.0.1 port=1 dbname=cbr: PostgreSQL cannot be reached" in done.err
    assert "Pa55word" not in done.err


def test_a_password_in_plain_text_is_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    text = 'warehouse = "ducklake:postgres:dbname=x password=hunter2"\n'
    (tmp_path / "cbr-warehouse.toml").write_text(text)
    done = place.run("sql", "SELECT 1")
    assert done.status == 2
    assert "warehouse" in done.err
    assert "plain text" in done.err
    assert "hunter2" not in done.err


@contextmanager
def _serving(workplace: Workplace) -> Iterator[str]:
    process = subprocess.Popen(
        [*COMMAND, "open"], cwd=workplace.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=30)
