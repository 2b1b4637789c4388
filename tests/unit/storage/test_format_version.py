"""A data directory of a newer version is refused before anything is changed; an older one is upgraded."""

from pathlib import Path

import pytest

from cbr_warehouse.errors import FormatError
from cbr_warehouse.storage.format_version import FORMAT, read_format, require_known_format, upgrade_format
from cbr_warehouse.storage.layout import DataDirectory


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


def test_a_new_directory_gets_the_present_format(directory: DataDirectory) -> None:
    assert read_format(directory) is None
    require_known_format(directory)
    assert not directory.root.exists()
    upgrade_format(directory)
    assert read_format(directory) == FORMAT
    assert f"format {FORMAT}" in (directory.raw / f"format-{FORMAT}.txt").read_text()


def test_a_directory_without_a_note_has_format_1(directory: DataDirectory) -> None:
    directory.raw_ledger("loads", "prod").mkdir(parents=True)
    assert read_format(directory) == 1
    upgrade_format(directory)
    assert read_format(directory) == FORMAT


def test_a_newer_directory_is_refused_and_stays_as_it_is(directory: DataDirectory) -> None:
    directory.raw.mkdir(parents=True)
    newer = directory.raw / f"format-{FORMAT + 1}.txt"
    newer.touch()
    for step in (require_known_format, upgrade_format):
        with pytest.raises(FormatError, match=rf"newer version .*format {FORMAT + 1};.*up to {FORMAT}\)"):
            step(directory)
    assert [path.name for path in directory.raw.iterdir()] == [newer.name]


def test_of_an_upgrade_that_was_killed_the_newer_note_counts(directory: DataDirectory) -> None:
    """Two notes are there between the two writes of an upgrade."""
    directory.raw.mkdir(parents=True)
    for number in (1, FORMAT):
        (directory.raw / f"format-{number}.txt").touch()
    assert read_format(directory) == FORMAT
    upgrade_format(directory)
    assert [path.name for path in directory.raw.iterdir()] == [f"format-{FORMAT}.txt"]


def test_no_damaged_content_changes_the_format(directory: DataDirectory) -> None:
    upgrade_format(directory)
    (directory.raw / f"format-{FORMAT}.txt").write_bytes(b"\x00format 99")
    assert read_format(directory) == FORMAT


@pytest.mark.parametrize("name", ["format-0.txt", "format-x.txt", "format-3.txt.bak", "format-03.txt"])
def test_other_names_are_no_notes(directory: DataDirectory, name: str) -> None:
    directory.raw.mkdir(parents=True)
    (directory.raw / name).touch()
    assert read_format(directory) == 1
