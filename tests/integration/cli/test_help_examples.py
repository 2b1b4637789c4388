"""Every page of help has examples, every example runs, a command on a terminal ends with the next step."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cbr_warehouse.cli.commands import COMMANDS, build
from cbr_warehouse.cli.examples import EXAMPLES
from cbr_warehouse.cli.main import app
from cbr_warehouse.cli.next_step import NEXT_STEPS
from support.command_line import COMMAND, PACKAGES, PROJECT, Workplace
from support.emulator_server import emulated
from support.object_stores import environment, moto_server
from support.small_log import SmallLog
from support.terminal import converse

UNTIL_STOPPED = {"emulator", "open"}
"""Commands that serve; they are started, and stopped once they answer."""

ASKING = {"init", "sql"}
"""What needs a terminal: tested in ``test_init`` and ``test_sql_prompt``."""


def paths() -> Iterator[str]:
    """Every command, and every command of a group."""
    for name in COMMANDS:
        yield name
        yield from (f"{name} {part}" for part in getattr(build(name), "commands", {}))


def test_every_command_has_examples_and_no_other() -> None:
    """A new command gets its examples in ``cli/examples.py``."""
    assert set(EXAMPLES) == set(paths())
    assert set(NEXT_STEPS) <= set(paths())


@pytest.mark.parametrize("name", [None, *paths()])
def test_help_ends_with_examples_each_on_a_line(name: str | None) -> None:
    done = CliRunner().invoke(app, [*(name or "").split(), "--help"])
    assert done.exit_code == 0
    shown = done.stdout.partition("Examples:\n")[2].splitlines()
    assert [line.strip() for line in shown] == [
        f"cbr-warehouse {example}"
        for example in (
            EXAMPLES[name] if name else [EXAMPLES[one][0] for one in ("demo", "init", "load", "report")]
        )
    ]
    assert done.stdout == CliRunner().invoke(app, [*(name or "").split(), "-h"]).stdout


@dataclass(frozen=True)
class Place:
    """A folder with a loaded warehouse, the emulator it was loaded from, and an object store."""

    folder: Path
    cloud: str
    store: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    workplace = Workplace(tmp_path_factory.mktemp("examples"))
    with emulated(tasks=400, days=20, now=None) as running:
        workplace.configure(running.url)
        (workplace.folder / "query.sql").write_text("SELECT count(*) AS tasks FROM tasks")
        loaded = workplace.run("load")
        assert loaded.status == 0, loaded.err
        with moto_server() as store:
            yield Place(workplace.folder, running.url, store)


def in_process() -> list[str]:
    return [
        example
        for name, examples in EXAMPLES.items()
        for example in examples
        if example not in ASKING and name not in UNTIL_STOPPED
    ]


@pytest.mark.parametrize("example", in_process())
def test_each_example_runs(
    place: Place, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBR_TOKEN", "demo-token")
    monkeypatch.chdir(place.folder)
    if {"demo", "init"} & set(example.split()):
        monkeypatch.chdir(tmp_path)  # a folder without data and configuration
    for shown, real in {
        "/tmp/cbr-demo": str(tmp_path),
        "/srv/cbr": str(place.folder),
        "eu-de": place.cloud,
        "04f1…": PROJECT,
    }.items():
        example = example.replace(shown, real)
    if example.startswith("verify-pack") and not (place.folder / "audit").exists():
        CliRunner().invoke(app, ["report", "--audit", "--out", "audit"])  # of the example of report
    monkeypatch.setenv("CBR_WAREHOUSE_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in environment(place.store).items():
        monkeypatch.setenv(name, value)
    if "--from s3:" in example:
        CliRunner().invoke(app, ["copy", "--to", "s3://backups/cbr"])  # the example before
    words, _, file = re.split(r" [>|] ", example)[0].partition(" < ")
    given = (place.folder / file).read_text() if file else None
    done = CliRunner().invoke(app, shlex.split(words), input=given)
    findings = {0, 1} if words.startswith("check") else {0}  # 1 where a control fails, which is an answer
    assert done.exit_code in findings, (done.exception, done.output)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    # The server of assistants ends with its input, which is empty here; another test speaks with it.
    assert done.stdout.strip() or "--out" in words or words.endswith("mcp")


@pytest.mark.parametrize("example", [one for name in sorted(UNTIL_STOPPED) for one in EXAMPLES[name]])
def test_each_example_of_a_server_serves(place: Place, example: str) -> None:
    words = shlex.split(example)
    if "--port" in words:
        del words[words.index("--port") : words.index("--port") + 2]  # any free one instead
    process = subprocess.Popen(
        [*COMMAND, *words, "--port", "0"],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "BROWSER": "true"},  # a browser that shows nothing
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("http://127.0.0.1:")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def stored(workplace: Workplace) -> Workplace:
    workplace.data.mkdir()
    log = SmallLog()
    log.backup("disk", "2026-03-09 01:00")
    log.publish(workplace.data / "warehouse.duckdb")
    return workplace


def test_a_command_on_a_terminal_ends_with_the_next_step(workplace: Workplace) -> None:
    status, screen = converse(workplace, [], "schema", "tasks")
    assert status == 0
    assert screen.rstrip().endswith("Next: cbr-warehouse load")  # nothing was loaded yet
    stored(workplace)
    status, screen = converse(workplace, [], "views", "--data-dir", "data")
    assert screen.splitlines()[-1].startswith("Next: cbr-warehouse --data-dir data views protection_coverage")


def test_no_next_step_where_nobody_reads_it_or_the_command_failed(workplace: Workplace) -> None:
    stored(workplace)
    done = workplace.run("sql", "SELECT 1")
    assert (done.status, done.err) == (0, "")
    status, screen = converse(workplace, [], "sql", "SELECT nothing")
    assert status == 1
    assert "Next:" not in screen
    status, screen = converse(workplace, [], "sql", "--help")
    assert "Next:" not in screen


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("views protection_co", {"protection_coverage"}),
        ("views analytics.protection_co", {"analytics.protection_coverage"}),
        ("schema task_", {"task_versions"}),
        ("load --source p", {"prod-eu", "prod-us"}),
        ("plan --source prod-e", {"prod-eu"}),
        ("quarantine list --source prod-u", {"prod-us"}),
        ("report --source prod-", {"prod-eu", "prod-us"}),
        ("ini", {"init"}),
        ("--config other.toml doctor --source ", {"elsewhere"}),
        ("--config broken.toml doctor --source ", set()),
    ],
)
def test_names_are_completed(
    line: str, completed: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As bash asks: the words so far in the environment, one name a line."""
    monkeypatch.chdir(tmp_path)
    sources = '[[sources]]\nname = "prod-eu"\n[[sources]]\nname = "prod-us"\n'
    (tmp_path / "cbr-warehouse.toml").write_text(sources)
    (tmp_path / "other.toml").write_text('[[sources]]\nname = "elsewhere"\n')
    (tmp_path / "broken.toml").write_text("[[")
    words = f"cbr-warehouse {line}"
    count = len(words.split(" ")) - 1
    asked = {"_CBR_WAREHOUSE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    done = CliRunner().invoke(app, [], env=os.environ | asked, prog_name="cbr-warehouse")
    assert set(done.stdout.split()) == completed, done


def test_the_example_runner_finds_failures(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that reports success for everything would prove nothing."""
    monkeypatch.chdir(place.folder)
    assert CliRunner().invoke(app, ["sql", "SELECT nothing"]).exit_code != 0
