"""A disk that fills up at any step: a sentence, the published warehouse as it was, and no loss afterwards."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from support.command_line import Finished, Workplace
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.fault("disk errors")

ROOM_IN_KB = (300, 700, 1500, 2000, 3000, 4500, 6000, 8000)
"""Room for a first load that needs more; the disk fills up at another step with each."""


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Callable[[str], None]]:
    """A file system with little room at a place; gives what sets its room."""
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    try:
        done = subprocess.run(options, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount: install the Debian package mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a file system: {done.stderr.strip()}")
    try:
        yield lambda room: subprocess.run(
            ["mount", "-o", f"remount,size={room}", str(place)], check=True, capture_output=True
        )
    finally:
        subprocess.run(["umount", str(place)], check=True)


def assert_sentence(done: Finished) -> None:
    assert done.status == 1, done.err
    assert "Traceback" not in done.err
    assert "cannot be written" in done.err
    assert "free space" in done.err


def left_over(data: Path) -> list[Path]:
    return list(data.rglob(f"{TEMPORARY_PREFIX}*"))


def test_a_disk_that_fills_up_loses_nothing(
    workplace: Workplace, emulate: Callable[..., str], proved: Callable[..., None]
) -> None:
    place = Workplace(workplace.folder / "roomy")
    place.folder.mkdir()
    endpoint = emulate("--tasks", "1500", "--days", "10", "--seed", "3", "--freeze")
    for one in (workplace, place):
        one.configure(endpoint)
    assert place.run("load").status == 0
    wanted = hashes(place.data / "warehouse.duckdb")
    with small_disk(workplace.data, ROOM_IN_KB[0]) as set_room:
        for kilobytes in ROOM_IN_KB:
            set_room(f"{kilobytes}k")
            assert_sentence(workplace.run("load"))
            assert not (workplace.data / "warehouse.duckdb").exists()
            assert left_over(workplace.data) == []
        set_room("200m")
        done = workplace.run("load")
        assert done.status == 0, done.err
        held = hashes(workplace.data / "warehouse.duckdb")
    tables = [name for name in wanted if name not in {"main.loads", "main.coverage"}]
    lost = sum(held[name] != wanted[name] for name in tables)
    times = len(ROOM_IN_KB)
    what = "a disk that is full at some step of a first load, then has room again"
    proved("disk full", what, times=times, checked=len(tables), unit="table hashes", lost=lost)


def test_a_published_warehouse_stands_when_the_disk_is_full(
    workplace: Workplace, emulate: Callable[..., str]
) -> None:
    workplace.configure(emulate("--tasks", "1500", "--days", "10", "--seed", "3", "--freeze"))
    with small_disk(workplace.data, 200_000) as set_room:
        assert workplace.run("load", "--since", "6d").status == 0
        before = hashes(workplace.data / "warehouse.duckdb")
        used = sum(path.stat().st_size for path in workplace.data.rglob("*") if path.is_file())
        set_room(f"{used // 1024 + 600}k")
        assert_sentence(workplace.run("load"))
        assert hashes(workplace.data / "warehouse.duckdb") == before
        assert left_over(workplace.data) == []
        set_room("200m")
        assert workplace.run("load").status == 0
