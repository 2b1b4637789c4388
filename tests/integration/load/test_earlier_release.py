"""A data directory that the release before wrote: taken up as it is, and one of a later release refused.

``tests/data/data-directory-format-1.tar.xz`` was written by commit 6d8c8fd: three loads of the emulator with
``--tasks 40 --days 3 --seed 7 --now 2026-11-28T12:00:00Z --fault bad_records=0.1``.
"""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cbr_warehouse.storage.format_version import FORMAT
from support.command_line import Workplace
from support.warehouse_hashes import hashes

EARLIER = Path(__file__).parents[2] / "data" / "data-directory-format-1.tar.xz"
RECORDS = {"main.tasks", "main.resources", "main.resource_volumes", "main.replications", "main.quarantine"}
HELD = "SELECT task_id, version, record_text, first_seen_at, last_seen_at FROM task_versions ORDER BY ALL"
REFUSED = (
    ("load",),
    ("plan",),
    ("status",),
    ("sql", "SELECT 1"),
    ("metrics",),
    ("report",),
    ("rebuild",),
    ("maintain",),
    ("verify",),
    ("quarantine", "list"),
    ("quarantine", "requeue"),
)


@pytest.fixture
def earlier(workplace: Workplace) -> Workplace:
    with tarfile.open(EARLIER) as packed:
        packed.extractall(workplace.folder, filter="data")
    workplace.configure("http://127.0.0.1:9")
    return workplace


def test_a_rebuild_of_the_earlier_release_holds_what_it_held(earlier: Workplace) -> None:
    before, held = hashes(earlier.data / "warehouse.duckdb"), earlier.sql(HELD)
    assert held
    done = earlier.run("rebuild")
    assert done.status == 0, done.err
    after = hashes(earlier.data / "warehouse.duckdb")
    assert {name: after[name] for name in RECORDS} == {name: before[name] for name in RECORDS}
    assert earlier.sql(HELD) == held
    assert [path.name for path in earlier.data.glob("raw/format-*")] == [f"format-{FORMAT}.txt"]
    shutil.rmtree(earlier.data / "tables")
    (earlier.data / "warehouse.duckdb").unlink()
    assert earlier.run("rebuild").status == 0
    assert hashes(earlier.data / "warehouse.duckdb") == after


def test_a_load_goes_on_where_the_earlier_release_stopped(
    earlier: Workplace, emulate: Callable[..., str]
) -> None:
    held = earlier.sql(HELD)
    estate = ("--tasks", "40", "--days", "3", "--seed", "7", "--now", "2026-11-28T12:00:00Z")
    earlier.configure(emulate(*estate, "--freeze"), history="4d")
    done = earlier.run("load")
    assert done.status == 0, done.err
    texts = {row["record_text"] for row in earlier.sql(HELD)}
    assert {row["record_text"] for row in held} <= texts
    loads = earlier.sql("SELECT outcome FROM loads ORDER BY load_id")
    assert [row["outcome"] for row in loads] == ["done"] * 4
    assert earlier.run("verify").status == 0


@pytest.mark.parametrize("words", REFUSED, ids="-".join)
def test_every_command_refuses_a_directory_of_a_later_release(
    earlier: Workplace, words: tuple[str, ...]
) -> None:
    (earlier.data / "raw" / f"format-{FORMAT + 7}.txt").touch()
    before = {path: path.stat().st_mtime_ns for path in earlier.data.rglob("*")}
    done = earlier.run(*words)
    assert (done.status, done.out) == (1, "")
    assert f"written by a newer version of cbr-warehouse (format {FORMAT + 7};" in done.err
    assert {path: path.stat().st_mtime_ns for path in earlier.data.rglob("*")} == before
