"""What a loss of power leaves: all that was synced, and of the rest this and that."""

from pathlib import Path
from random import Random

from simulation.durability import Durability


def outcomes(tmp_path: Path, *, is_file_synced: bool, is_folder_synced: bool) -> set[bytes | None]:
    """What may be left of a new file; None where its name is gone."""
    found: set[bytes | None] = set()
    for seed in range(40):
        folder = tmp_path / f"{is_file_synced}-{is_folder_synced}-{seed}"
        root = folder / "data"
        root.mkdir(parents=True)
        durability = Durability(root, folder / "kept")
        durability.sync_all()
        file = root / "file"
        file.write_bytes(b"content")
        if is_file_synced:
            durability.sync_file(file)
        if is_folder_synced:
            durability.sync_folder(root)
        durability.lose(folder / "left", Random(seed))
        left = folder / "left" / "file"
        found.add(left.read_bytes() if left.exists() else None)
    return found


def test_what_was_synced_with_its_folder_is_kept(tmp_path: Path) -> None:
    assert outcomes(tmp_path, is_file_synced=True, is_folder_synced=True) == {b"content"}


def test_without_its_folder_a_name_may_be_gone(tmp_path: Path) -> None:
    assert outcomes(tmp_path, is_file_synced=True, is_folder_synced=False) == {b"content", None}


def test_without_a_sync_a_file_may_be_cut(tmp_path: Path) -> None:
    left = outcomes(tmp_path, is_file_synced=False, is_folder_synced=True)
    assert {b"", b"content"} < left
    assert None not in left


def test_a_rename_over_another_file_leaves_one_of_the_two(tmp_path: Path) -> None:
    found = set()
    for seed in range(40):
        root = tmp_path / str(seed) / "data"
        root.mkdir(parents=True)
        (root / "file").write_bytes(b"old")
        durability = Durability(root, root.with_name("kept"))
        durability.sync_all()
        (root / "new").write_bytes(b"new")
        durability.sync_file(root / "new")
        (root / "new").replace(root / "file")
        durability.lose(root.with_name("left"), Random(seed))
        found.add((root.with_name("left") / "file").read_bytes())
    assert found == {b"old", b"new"}
