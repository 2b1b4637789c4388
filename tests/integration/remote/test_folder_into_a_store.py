"""A folder becomes the data directory of a store, and a folder again: the same files, whatever happens."""

import shutil
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pytest

from cbr_warehouse.storage.linked_files import files_below
from cbr_warehouse.transfer.data_files import is_copied, read_content
from support.emulator_server import Emulated, emulated
from support.hosts_of_commands import CommandsKilled, HostOfCommands, fine
from support.object_stores import BUCKET
from support.warehouse_hashes import hashes


@pytest.fixture
def url(real: None) -> str:
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture(scope="module")
def source() -> Iterator[Emulated]:
    with emulated(tasks=200, days=5, seed=1, now=None) as running:
        yield running


@pytest.fixture(scope="module")
def loaded(source: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laptop with a loaded folder, and a report."""
    laptop = CommandsKilled(tmp_path_factory.mktemp("laptop"))
    laptop.configure(source.url)
    fine(laptop.run("load"))
    fine(laptop.run("report"))
    return laptop.folder


@pytest.fixture
def laptop(loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandsKilled:
    shutil.copytree(loaded, tmp_path / "laptop")
    monkeypatch.setenv("CBR_WAREHOUSE_CACHE_DIR", "cache")
    return CommandsKilled(tmp_path / "laptop")


def checksums(root: Path) -> dict[str, str]:
    """The checksums of all files that belong to a data directory."""
    return {
        str(path): read_content(root / path, PurePosixPath(path)).sha256
        for path in files_below(root)
        if is_copied(path)
    }


def cached(host: HostOfCommands) -> Path:
    """The working copy of a host."""
    (place,) = (host.folder / "cache").glob("*/work")
    return place


def asked(source: Emulated, host: CommandsKilled, *words: str) -> list[dict[str, str]]:
    """What a load requests."""
    source.lists.clear()
    fine(host.run(*words, "load"))
    return sorted(source.lists, key=str)


def test_to_a_store_and_back(source: Emulated, url: str, laptop: CommandsKilled, tmp_path: Path) -> None:
    before = checksums(laptop.data)
    done = fine(laptop.run("copy", "--to", url, "--as-data-dir"))
    assert "every file has its checksum" in done.out
    assert "nothing differs" in done.out
    assert f'Write data_dir = "{url}" into the configuration' in done.err
    assert "is no part of a data directory" not in done.err
    assert checksums(laptop.data) == before

    other = HostOfCommands(tmp_path / "other", source.url, url)
    fine(other.run("verify"))
    fine(other.run("report"))
    there = {path: one for path, one in checksums(cached(other)).items() if not path.startswith("reports/")}
    assert there == {path: one for path, one in before.items() if not path.startswith("reports/")}

    source.advance(timedelta(hours=5))
    of_folder = asked(source, laptop)
    assert asked(source, other) == of_folder  # the news, and nothing that the folder had
    assert other.sql("SELECT * FROM tasks ORDER BY ALL") == laptop.sql("SELECT * FROM tasks ORDER BY ALL")

    back = fine(other.run("--data-dir", "back", "copy", "--from", url))
    assert "nothing differs" in back.out
    place = (other.folder / "back").resolve()
    assert f'Write data_dir = "{place}" into the configuration' in back.err
    brought = checksums(place)
    assert brought == checksums(cached(other)) | {
        path: one for path, one in brought.items() if path.startswith("reports/")
    }
    assert brought.keys() >= {path for path in before if path.startswith("reports/")}  # those of the laptop
    assert [one["offset"] for one in asked(source, other, "--data-dir", "back")] == [
        one["offset"] for one in asked(source, laptop)
    ]


def test_from_store_to_store_the_reports_come_along(url: str, laptop: CommandsKilled) -> None:
    """The working copy that was copied had no reports of other hosts."""
    fine(laptop.run("copy", "--to", url, "--as-data-dir"))
    fine(laptop.run("--data-dir", url, "copy", "--to", f"{url}-two", "--as-data-dir"))
    fine(laptop.run("--data-dir", "back", "copy", "--from", f"{url}-two"))
    assert checksums(laptop.folder / "back") == checksums(laptop.data)


STEPS = {
    "before the claim": ("cbr_warehouse.remote.fill.write_names", 0, False),
    "as files are sent": ("cbr_warehouse.remote.fill.send_file", 9, True),
    "as they are read back": ("cbr_warehouse.remote.fill.checked_parts", 9, True),
    "between commits": ("cbr_warehouse.remote.fill.next_commit", 1, True),
    "before the claim ends": ("cbr_warehouse.remote.fill.write_names", 1, True),
    "as it verifies": ("cbr_warehouse.cli.copy_data_dir.verify", 0, False),
}


@pytest.mark.fault("object stores")
@pytest.mark.parametrize(("step", "after", "is_claimed"), STEPS.values(), ids=STEPS)
def test_killed_at_a_step_it_is_repeated(
    source: Emulated,
    url: str,
    laptop: CommandsKilled,
    tmp_path: Path,
    step: str,
    after: int,
    is_claimed: bool,
) -> None:
    words = ("copy", "--to", url, "--as-data-dir")
    assert laptop.killed_at(step, *words, after=after) == -signal.SIGKILL
    other = HostOfCommands(tmp_path / "other", source.url, url)
    if is_claimed:
        refused = other.run("load")
        assert refused.status == 1
        assert f"{url}: a folder is being copied there" in refused.err
    assert "nothing differs" in fine(laptop.run(*words)).out
    assert asked(source, other) == asked(source, laptop)
    assert hashes(cached(other) / "warehouse.duckdb") == hashes(laptop.data / "warehouse.duckdb")


BACK = {
    "as files are received": ("cbr_warehouse.transfer.download.checked_parts", 9),
    "as they are put in place": ("cbr_warehouse.transfer.download.put_in_place", 3),
    "as it verifies": ("cbr_warehouse.cli.copy_data_dir.verify", 0),
}


@pytest.mark.fault("object stores")
@pytest.mark.parametrize(("step", "after"), BACK.values(), ids=BACK)
def test_killed_on_the_way_back_it_is_repeated(
    url: str, laptop: CommandsKilled, step: str, after: int
) -> None:
    fine(laptop.run("copy", "--to", url, "--as-data-dir"))
    words = ("--data-dir", "back", "copy", "--from", url)
    assert laptop.killed_at(step, *words, after=after) == -signal.SIGKILL
    assert "nothing differs" in fine(laptop.run(*words)).out
    assert checksums(laptop.folder / "back") == checksums(laptop.data)
