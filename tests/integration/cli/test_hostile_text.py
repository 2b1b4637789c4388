"""No command prints hostile text as it is: not what the source sent, and not what was typed.

Commands and their parameters are found by walking the command line, so a new one is covered: with each of
its parameters set to hostile text, and once on a warehouse that holds hostile text everywhere.
"""

import inspect
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from cbr_warehouse.cli.commands import COMMANDS, build
from cbr_warehouse.cli.global_options import take_global_options
from support.command_line import PACKAGES, Finished, Workplace
from support.command_server import command_server
from support.emulator_server import serve, write_records
from support.hostile_text import HOSTILE, LONG, hostile_records
from support.terminal import run_on_terminal

pytestmark = pytest.mark.fault("hostile text")

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "demo": (("demo",),),
    "sql": (("sql", "FROM tasks"), ("sql", "FROM tasks", "--format", "json"), ("sql", "FROM quarantine")),
    "views": (("views",), ("views", "unresolved_failures"), ("views", "open_tasks")),
    "status": (("status",), ("status", "--json")),
    "plan": (("plan",), ("plan", "--deep")),
    "report": (("report", "--period", "day", "--out", "report"),),
    "check": (("check",), ("check", "--format", "json"), ("check", "--format", "junit")),
    "quarantine list": (("quarantine", "list"),),
    "quarantine requeue": (("quarantine", "requeue"),),
    "dagster-home": (("dagster-home", "home"),),
    "emulator": (("emulator", "--help"),),
    "open": (("open", "--help"),),
}
"""What is run where the name of the command alone is not enough, or not all."""

GLOBAL = {f"--{name.replace('_', '-')}" for name in inspect.signature(take_global_options).parameters}
"""Options that every command takes; they are tried with one."""


def walk() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, by its words."""
    for name in COMMANDS:
        command = build(name)
        inner = getattr(command, "commands", None)
        if inner:
            for other in inner.values():
                yield f"{name} {other.name}", other
        else:
            yield name, command


NAMES = [name for name, _ in walk()]
PARAMETERS = [
    (name, parameter.opts[0] if parameter.param_type_name == "option" else "")
    for name, command in walk()
    for parameter in command.params
    if not GLOBAL.intersection(parameter.opts) and not getattr(parameter, "is_flag", False)
]


def run(workplace: Workplace, *words: str) -> Finished:
    """Runs a command with nothing on stdin; one that serves is stopped."""
    environ = {"PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token", "PATH": "/usr/bin:/bin"}
    try:
        status, out, err = command_server().run(
            words, folder=workplace.folder, environ=environ, given=b"", timeout=60
        )
    except subprocess.TimeoutExpired as stopped:
        status, out, err = -9, stopped.stdout, stopped.stderr
    return Finished(status, out.decode(), err.decode())


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("hostile")
    records = write_records(folder / "records.json", hostile_records())
    workplace = Workplace(folder)
    with serve("--records", str(records), "--now", "2026-11-28T00:00:00Z") as url:
        workplace.configure(url)
        done = run(workplace, "load")
        assert_harmless(done, "load")
        assert (folder / "data" / "warehouse.duckdb").is_file(), done.err
        yield workplace


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("typed"))
    workplace.configure("http://127.0.0.1:9")
    return workplace


def assert_harmless(done: Finished, what: object) -> None:
    for text in (done.out, done.err):
        found = STEERING.search(text)
        assert found is None, (what, found, text[max(0, found.start() - 80) : found.start() + 80])
    assert "Traceback" not in done.err, (what, done.err[-2000:])


def test_the_walk_finds_the_commands() -> None:
    assert {"load", "status", "sql", "quarantine list", "quarantine requeue"} <= set(NAMES)
    assert ("load", "--since") in PARAMETERS
    assert ("sql", "") in PARAMETERS
    assert set(WORDS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_source_sent_is_printed_harmlessly(loaded: Workplace, name: str) -> None:
    for words in WORDS.get(name, (tuple(name.split()),)):
        done = run(loaded, *words)
        if "json" not in " ".join(words):  # JSON in a pipe is for programs
            assert_harmless(done, words)


@pytest.mark.parametrize("words", [words for name in ("status", "sql", "views") for words in WORDS[name]])
def test_on_a_terminal_nothing_steers_it(loaded: Workplace, words: tuple[str, ...]) -> None:
    assert_harmless(run_on_terminal(loaded, 100, *words), words)


@pytest.mark.parametrize(("name", "option"), PARAMETERS)
def test_what_was_typed_is_printed_harmlessly(empty: Workplace, name: str, option: str) -> None:
    words = [*name.split(), *([option] if option else []), HOSTILE + LONG]
    assert_harmless(run(empty, *words), words)


def test_a_folder_of_a_hostile_name_is_named_harmlessly(empty: Workplace) -> None:
    for words in (
        ("dagster-home", HOSTILE),
        ("--data-dir", HOSTILE, "status"),
        ("--config", HOSTILE, "plan"),
    ):
        assert_harmless(run(empty, *words), words)


def test_an_unknown_command_or_option_is_named_harmlessly(empty: Workplace) -> None:
    for words in ((HOSTILE,), (f"--{HOSTILE}",), ("load", f"--{HOSTILE}")):
        assert_harmless(run(empty, *words), words)


@pytest.mark.parametrize("option", sorted(GLOBAL - {"--debug"}))
def test_a_global_option_is_printed_harmlessly(empty: Workplace, option: str) -> None:
    for text in (HOSTILE, LONG):
        assert_harmless(run(empty, "status", option, text), option)
