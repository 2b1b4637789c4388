"""Rules for every file of the tree: a meaningful name, a purpose, a bounded length, no local path."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("pipelines", "schemas", "tests", "tools", "docs", ".ci")
TEXT = {".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".json", ""}

FILES = sorted(
    path
    for path in [*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    # A linked worktree has a file `.git` that names its repository.
    if path.is_file() and path.suffix in TEXT and not {"__pycache__", ".git"}.intersection(path.parts)
)
CODE = [path for path in FILES if path.suffix in {".py", ".sql"}]
MODULES = [path for path in CODE if path.suffix == ".py" and path.is_relative_to(ROOT / "pipelines")]

SAYS_NOTHING = re.compile(r"^(utils?|helpers?|common|managers?|misc)$")
# Written in parts, so that this file does not hold what it looks for.
LOCAL_PATHS = re.compile("|".join((r"\.\./" + "shared", "/" + r"root\b", "/" + "work/")))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_what_is_inside(path: Path) -> None:
    assert not [part for part in path.relative_to(ROOT).with_suffix("").parts if SAYS_NOTHING.match(part)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_file_outgrows_its_reader(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_path_of_one_machine_is_mentioned() -> None:
    said = {name_of(path) for path in FILES if LOCAL_PATHS.search(path.read_text(encoding="utf-8"))}
    assert said == set()
