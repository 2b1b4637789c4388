"""Every command that a document shows exists, and so do its options."""

import json
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cbr_warehouse.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "data" / "README.md"]
PAGES += sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "mutation.md")
CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?<![\w/.-])(?:\.venv/bin/)?cbr-warehouse((?: [^\n|&;#]*)?)")
WITH_VALUE = {"--config", "--data-dir", "--log-format"}
PROGRAM: Any = typer.main.get_command(app)


def commands(page: Path) -> Iterator[list[str]]:
    """The words after the name of the program, of each call in code of a page."""
    for block, inline in CODE.findall(page.read_text(encoding="utf-8")):
        for words in COMMAND.findall((block or inline).replace("\\\n", " ")):
            yield words.replace("[", " ").replace("]", " ").split()


def unknown(words: list[str]) -> list[str]:
    """The verb or the options that do not exist."""
    known = options_of(PROGRAM) | {"--help"}
    command = PROGRAM
    given = iter(words)
    wrong = []
    for word in given:
        if word in WITH_VALUE:
            next(given, None)
        elif word.startswith("--"):
            name = word.partition("=")[0]
            wrong += [name] if name not in known else []
        elif hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z-]*", word):
            command = command.get_command(None, word)
            if command is None:
                return [word]
            known |= options_of(command)
    return wrong


def options_of(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    assert [(words, wrong) for words in commands(page) if (wrong := unknown(words))] == []


def test_the_recording_is_one_and_its_commands_exist() -> None:
    scenes = runpy.run_path(str(ROOT / "tools" / "record_demo.py"))["SCENES"]
    assert [(scene, wrong) for scene in scenes if (wrong := unknown(shlex.split(scene)))] == []
    head, *events = [json.loads(line) for line in (ROOT / "docs" / "demo.cast").read_text().splitlines()]
    assert head["version"] == 2
    assert [event[0] for event in events] == sorted(event[0] for event in events)
    printed = "".join(event[2] for event in events)
    assert all(f"cbr-warehouse {scene}\r\n" in printed for scene in scenes)


def test_calls_are_found_and_mistakes_too() -> None:
    assert sum(len([*commands(page)]) for page in PAGES) > 60
    assert unknown(["sql", "--nope"]) == ["--nope"]
    assert unknown(["--data-dir", "x", "verifi"]) == ["verifi"]
