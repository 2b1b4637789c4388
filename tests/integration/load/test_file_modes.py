"""Who may read the data: its owner alone, unless the configuration says otherwise."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Workplace

pytestmark = pytest.mark.fault("permissions")


def modes(root: Path) -> dict[str, set[int]]:
    """The permission bits of all files and of all directories, the root among them."""
    found: dict[str, set[int]] = {"files": set(), "folders": set()}
    for path in (root, *root.rglob("*")):
        found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.stat().st_mode))
    return found


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(None, 0o600, 0o700), ("027", 0o640, 0o750), ("000", 0o666, 0o777)]
)
def test_data_files_have_the_permissions_of_the_setting(
    workplace: Workplace, emulate: Callable[..., str], umask: str | None, file: int, folder: int
) -> None:
    """They were readable for everyone on the machine."""
    workplace.configure(emulate("--tasks", "60", "--days", "3", "--seed", "3", "--freeze"))
    if umask is not None:
        config = workplace.folder / "cbr-warehouse.toml"
        config.write_text(f'umask = "{umask}"\n{config.read_text()}')
    before = os.umask(0o022)
    try:
        for command in ("load", "rebuild", "report"):
            done = workplace.run(command)
            assert done.status == 0, done.err
    finally:
        os.umask(before)
    found = modes(workplace.data)
    locks = {0o600, file}
    assert found["folders"] == {folder}
    assert found["files"] <= locks
    assert file in found["files"]


@pytest.mark.parametrize("umask", ["77", "0o77", "877", "777", ""])
def test_what_is_no_umask_is_refused(workplace: Workplace, umask: str) -> None:
    (workplace.folder / "cbr-warehouse.toml").write_text(f'umask = "{umask}"\n')
    done = workplace.run("status")
    assert done.status == 2
    assert "umask" in done.err
    assert "three octal digits" in done.err
