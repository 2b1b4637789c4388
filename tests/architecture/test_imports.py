"""Who may import what: the two tables below are the architecture, and the tests hold the code to them.

The files are read, never imported, and an import inside a function counts like one at the top.
"""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]

# Each room with the rooms it may know, along the way of the data: nobody knows a later room.
# `cbr_warehouse.errors` and the package itself are open to all. A new room gets its line here.
STATIONS: dict[str, set[str]] = {
    "settings": set(),
    "storage": set(),
    "contract": set(),
    "source": {"settings"},
    "raw": {"storage", "contract"},
    "tables": {"raw", "contract", "storage"},
    # Asks the source for what is new or may have changed.
    "extract": {"settings", "source", "raw", "contract", "storage", "tables"},
    # Counts days at the source and compares them with what is stored.
    "verify": {"extract", "source", "raw", "contract", "tables"},
    # Looks at a source and writes nothing.
    "doctor": {"settings", "source", "contract", "extract"},
    # The definitions; the warehouse makes them within the transaction that it publishes.
    "analytics": {"settings", "storage"},
    "warehouse": {"raw", "tables", "contract", "storage", "settings", "analytics"},
    "reader": {"warehouse", "storage"},
    "report": {"reader", "analytics", "contract", "storage"},
}
MAY_KNOW: dict[str, set[str]] = {
    "errors": set(),
    **STATIONS,
    "load": set(STATIONS),
    "defs": {*STATIONS, "load"} - {"source"},
    "definitions": {"defs"},
    "cli": {*STATIONS, "load"},
    # The public API: what `from cbr_warehouse import …` gives, imported when it is first used.
    "__init__": {"reader"},
}

# The emulator's own rooms. It shares no code with the warehouse, so that their agreement means something.
EMULATOR_MAY_KNOW: dict[str, set[str]] = {
    "__init__": set(),
    "errors": set(),
    "clock": set(),
    "error_responses": set(),
    "seeded_random": set(),
    "estate": {"seeded_random"},
    "dialect": {"estate", "seeded_random", "clock"},
    "faults": {"dialect", "error_responses", "seeded_random", "clock"},
    "server": {"faults", "dialect", "estate", "error_responses", "clock"},
    "docs_page": {"faults", "dialect"},
}
PACKAGES = {"cbr_warehouse": MAY_KNOW, "cbr_emulator": EMULATOR_MAY_KNOW}

# The rooms of one package that may start the other: the command runs the emulator as a server.
ACROSS = {("cbr_warehouse", "cli", "cbr_emulator")}

# Each library that shapes what it touches, with the only rooms that may import it.
ONLY_IN: dict[str, set[str]] = {
    "dagster": {"defs", "definitions"},
    "httpx": {"source"},
    "duckdb": {"storage", "raw", "tables", "warehouse", "analytics", "reader", "report"},
    "starlette": {"server", "faults", "error_responses"},
    "uvicorn": {"server"},
    "typer": {"cli"},
}

MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pipelines").rglob("*.py"))


def room_of(module: list[str]) -> str:
    """The room a dotted name of ours belongs to; the package itself counts as `errors`, open to all."""
    return module[1] if len(module) > 1 else "errors"


def imported(path: str, text: str) -> Iterator[list[str]]:
    """Each name that a module imports, in parts: relative ones made absolute, literal dynamic ones too."""
    package = list(PurePosixPath(path).relative_to("pipelines").parent.parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            # `from cbr_warehouse import raw` names a room only with its last part.
            yield from ([*base, alias.name] for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (
                str(name.value).split(".") for name in node.args[:1] if isinstance(name, ast.Constant)
            )


def breaches(path: str, text: str) -> list[str]:
    """What a module imports and may not, as sentences."""
    parts = list(PurePosixPath(path).relative_to("pipelines").with_suffix("").parts)
    package, room = parts[0], parts[1]
    may_know = PACKAGES[package]
    found = set()
    for name in imported(path, text):
        known = room_of(name)
        if name[0] == "pipelines":
            found.add(f"{path}: {'.'.join(name)} is no package that is installed")
        elif name[0] == package and known in may_know:
            if known not in may_know[room] | {room, "errors"}:
                found.add(f"{path}: the room {room} may not know {known}")
        elif name[0] in PACKAGES and name[0] != package and (package, room, name[0]) not in ACROSS:
            found.add(f"{path}: {package} shares no code with {name[0]}")
        elif name[0] in ONLY_IN and room not in ONLY_IN[name[0]]:
            found.add(f"{path}: {name[0]} is for {', '.join(sorted(ONLY_IN[name[0]]))} only, not for {room}")
    return sorted(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_in_the_table(package: str) -> None:
    folder = f"pipelines/{package}/"
    rooms = {room_of(path.removesuffix(".py").split("/")[1:]) for path in MODULES if path.startswith(folder)}
    assert rooms == PACKAGES[package].keys(), "a room's line in the table is missing, or stale"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_runs_one_way(package: str) -> None:
    settled: set[str] = set()
    rest = dict(PACKAGES[package])
    while ready := {room for room, known in rest.items() if known <= settled}:
        settled |= ready
        rest = {room: known for room, known in rest.items() if room not in ready}
    assert not rest, f"these rooms know each other in a circle: {sorted(rest)}"


def test_only_the_two_packages_are_in_the_folder() -> None:
    assert {path.split("/")[1] for path in MODULES} == PACKAGES.keys()


@pytest.mark.parametrize("path", MODULES)
def test_imports_keep_to_the_tables(path: str) -> None:
    assert breaches(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/cbr_warehouse/raw/write.py", "import dagster"),
        ("pipelines/cbr_warehouse/raw/write.py", "from dagster._core import x"),
        ("pipelines/cbr_warehouse/load/run.py", "def f():\n    import httpx"),
        ("pipelines/cbr_warehouse/load/run.py", "importlib.import_module('duckdb')"),
        ("pipelines/cbr_warehouse/settings/read.py", "from cbr_warehouse import raw"),
        ("pipelines/cbr_warehouse/raw/write.py", "from cbr_warehouse.tables.flatten import day"),
        ("pipelines/cbr_warehouse/raw/write.py", "from ..tables import flatten"),
        ("pipelines/cbr_warehouse/raw/__init__.py", "from .. import tables"),
        ("pipelines/cbr_emulator/server/run.py", "from cbr_warehouse.contract import load_schemas"),
        ("pipelines/cbr_emulator/server/run.py", "from cbr_warehouse import errors"),
        ("pipelines/cbr_emulator/estate/task.py", "from cbr_emulator.server import app"),
        ("pipelines/cbr_warehouse/cli/main.py", "from pipelines.cbr_warehouse import load"),
        ("pipelines/cbr_warehouse/load/run.py", "import cbr_emulator.server.run"),
        ("pipelines/cbr_warehouse/errors.py", "from cbr_warehouse.settings import read"),
    ],
)
def test_a_breach_is_seen(path: str, text: str) -> None:
    assert len(breaches(path, text)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "pipelines/cbr_warehouse/raw/write.py",
            "import duckdb\nfrom cbr_warehouse.errors import StorageError",
        ),
        ("pipelines/cbr_warehouse/raw/__init__.py", "from .write import write\nfrom . import read"),
        ("pipelines/cbr_warehouse/load/run.py", "from cbr_warehouse import __version__, tables"),
        ("pipelines/cbr_warehouse/defs/assets.py", "import dagster as dg\nfrom ..load import run"),
        (
            "pipelines/cbr_warehouse/definitions.py",
            "from dagster import Definitions\nfrom cbr_warehouse.defs import build",
        ),
    ],
)
def test_what_the_tables_allow_is_no_breach(path: str, text: str) -> None:
    assert breaches(path, text) == []
