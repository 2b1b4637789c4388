"""The commands of docs/backup-and-restore.md, as a shell runs them, with a load running beside the backup."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import COMMAND, PACKAGES, Workplace
from support.command_server import command_server
from support.object_stores import BUCKET, in_environment, moto_server
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.needs_program("rsync", package="rsync")

PAGE = Path(__file__).parents[3] / "docs" / "backup-and-restore.md"
BLOCKS = re.compile(r"^## (.+?)\n|^```sh\n(.+?)^```$", re.MULTILINE | re.DOTALL)
HELD = "SELECT * EXCLUDE (first_seen_at, last_seen_at, version_hash) FROM task_versions ORDER BY ALL"


def commands() -> dict[str, list[str]]:
    """The blocks of the page by heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for title, block in BLOCKS.findall(PAGE.read_text(encoding="utf-8")):
        heading = title or heading
        if block:
            found.setdefault(heading, []).append(block)
    return found


@pytest.fixture
def shell(workplace: Workplace) -> Callable[..., str]:
    """Runs blocks of the page with its three names set to folders of the test; fails where one fails."""
    folder = workplace.folder
    (folder / "bin").mkdir()
    program = folder / "bin" / "cbr-warehouse"
    program.write_text(f"#!/bin/sh\n{command_server().program}\n")
    program.chmod(0o755)

    def run(*blocks: str, backup: str = "backup", restored: str = "restored") -> str:
        names = {"DATA": workplace.data, "BACKUP": folder / backup, "RESTORED": folder / restored}
        done = subprocess.run(
            ["sh", "-euc", "\n".join(blocks)],
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
                "PYTHONPATH": str(PACKAGES),
                "CBR_TOKEN": "demo-token",
                **{name: str(path) for name, path in names.items()},
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_every_block_of_the_page_is_run_here() -> None:
    found = commands()
    assert {heading: len(blocks) for heading, blocks in found.items()} == {
        "": 1,
        "Backup": 1,
        "Restore": 2,
        "Drill": 1,
        "Every night": 1,
        "To an object store and back": 2,
    }
    assert re.findall(r"^(\w+)=", found[""][0], re.MULTILINE) == ["DATA", "BACKUP", "RESTORED"]


def test_the_drill_gives_what_was_held(
    workplace: Workplace, emulate: Callable[..., str], shell: Callable[..., str]
) -> None:
    page = commands()
    url = emulate("--tasks", "400", "--days", "6", "--seed", "3", "--fault", "bad_records=0.02")
    workplace.configure(url, history="7d")
    assert workplace.run("load").status == 0
    shell(*page["Backup"])
    # Compacted since: the backup has the files before and after.
    assert workplace.run("load", "--deep").status == 0
    assert workplace.run("maintain").status == 0
    shell(*page["Backup"], page["Restore"][0])
    before = hashes(workplace.data / "warehouse.duckdb")
    after = hashes(workplace.folder / "restored" / "warehouse.duckdb")
    assert after == before
    *lines, _ = shell(*page["Drill"], *page["Every night"]).splitlines()
    figures = [line for line in lines if re.search(r"\d{4}-", line) and not line.startswith("verified")]
    assert len(figures) == 2
    assert figures[0] == figures[1]
    assert not (workplace.folder / "restored").exists()


def test_a_copy_in_a_store_comes_back_whole(
    workplace: Workplace,
    emulate: Callable[..., str],
    shell: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = commands()["To an object store and back"]
    url = emulate("--tasks", "300", "--days", "4", "--seed", "3", "--fault", "bad_records=0.02")
    workplace.configure(url, history="5d")
    assert workplace.run("load").status == 0
    with moto_server() as endpoint, in_environment(endpoint):
        monkeypatch.setenv("STORE", f"s3://{BUCKET}/cbr")
        sent, verified = shell(page[0]).splitlines()
        assert " were there, 0 old objects removed" in sent
        assert verified.endswith("every file has its checksum")
        assert "; 0 sent (0.0 MB)" in shell(page[0])
        back = shell(page[1]).splitlines()
    assert back[0].endswith("every file has its checksum")
    assert back[-1] == "nothing differs"
    restored = workplace.folder / "restored"
    assert hashes(restored / "warehouse.duckdb") == hashes(workplace.data / "warehouse.duckdb")
    assert workplace.run("--data-dir", str(restored), "load").status == 0  # what is there is loaded on


@pytest.mark.fault("killed processes")
def test_backups_taken_during_a_load_can_be_restored(
    workplace: Workplace, emulate: Callable[..., str], shell: Callable[..., str]
) -> None:
    """A copy that has a ledger and lacks its records was refused by rebuild, or its windows were left out."""
    page = commands()
    url = emulate("--tasks", "1500", "--days", "6", "--seed", "3", "--freeze", "--dialect", "max_limit=50")
    workplace.configure(url, history="7d", max_requests_per_second=12)
    loading = subprocess.Popen(
        [*COMMAND, "load"],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    taken = []
    while loading.poll() is None:
        time.sleep(0.7)
        if any(workplace.data.glob("raw/loads/*/*.json")) and loading.poll() is None:
            taken.append(f"backup-{len(taken)}")
            shell(*page["Backup"], backup=taken[-1])
    assert loading.returncode == 0
    assert len(taken) > 3
    wanted = workplace.sql(HELD)
    assert len(wanted) >= 1500
    for number in {1, len(taken) // 2, len(taken) - 1}:
        shell(*page["Restore"], backup=taken[number], restored=f"restored-{number}")
        place = workplace.run("--data-dir", f"restored-{number}", "sql", HELD, "--format", "json")
        assert place.out == workplace.run("sql", HELD, "--format", "json").out
