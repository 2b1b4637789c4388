"""Who may import what: the two tables below are the architecture, and the tests hold the code to them.

The files are read, never imported, and an import inside a function counts like one at the top.
"""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]

# Each room with the rooms it may know, along the way of the data: nobody knows a later room.
# `pipelines.errors` and the package itself are open to all. A new room gets its line here.
STATIONS: dict[str, set[str]] = {
    "settings": set(),
    "storage": set(),
    "contract": set(),
    "source": {"settings"},
    "raw": {"storage", "contract"},
    "tables": {"raw", "contract", "storage"},
    # Asks the source, and compares its counts with what the tables hold.
    "extract": {"settings", "source", "raw", "contract", "storage", "tables"},
    # Looks at a source and writes nothing.
    "doctor": {"settings", "source", "contract", "extract"},
    # The definitions; the warehouse makes them within the transaction that it publishes.
    "analytics": {"settings"},
    "warehouse": {"raw", "tables", "contract", "storage", "settings", "analytics"},
    "reader": {"warehouse"},
    "report": {"reader", "analytics", "storage"},
}
MAY_KNOW: dict[str, set[str]] = {
    "errors": set(),
    **STATIONS,
    "load": set(STATIONS),
    "defs": {*STATIONS, "load"} - {"source"},
    "definitions": {"defs"},
    # Shares no code with the rest, so that its agreement with the client means something.
    "emulator": set(),
    "cli": {*STATIONS, "load", "emulator"},
}

# Each library that shapes what it touches, with the only rooms that may import it.
ONLY_IN: dict[str, set[str]] = {
    "dagster": {"defs", "definitions"},
    "httpx": {"source"},
    "duckdb": {"storage", "raw", "tables", "warehouse", "analytics", "reader", "report"},
    "starlette": {"emulator"},
    "uvicorn": {"emulator"},
    "typer": {"cli"},
}

MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pipelines").rglob("*.py"))


def room_of(module: list[str]) -> str:
    """The room a dotted name of ours belongs to; the package itself counts as `errors`, open to all."""
    return module[1] if len(module) > 1 else "errors"


def imported(path: str, text: str) -> Iterator[list[str]]:
    """Each name that a module imports, in parts: relative ones made absolute, literal dynamic ones too."""
    package = list(PurePosixPath(path).parent.parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            # `from pipelines import raw` names a room only with its last part.
            yield from ([*base, alias.name] for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (
                str(name.value).split(".") for name in node.args[:1] if isinstance(name, ast.Constant)
            )


def breaches(path: str, text: str) -> list[str]:
    """What a module imports and may not, as sentences."""
    room = room_of(list(PurePosixPath(path).with_suffix("").parts))
    room = "errors" if room == "__init__" else room
    found = set()
    for name in imported(path, text):
        known = room_of(name)
        if name[0] == "pipelines" and known in MAY_KNOW:
            if known not in MAY_KNOW[room] | {room, "errors"}:
                found.add(f"{path}: the room {room} may not know {known}")
        elif name[0] in ONLY_IN and room not in ONLY_IN[name[0]]:
            found.add(f"{path}: {name[0]} is for {', '.join(sorted(ONLY_IN[name[0]]))} only, not for {room}")
    return sorted(found)


def test_every_room_is_in_the_table() -> None:
    rooms = {room_of(list(PurePosixPath(path).with_suffix("").parts)) for path in MODULES} - {"__init__"}
    assert rooms <= MAY_KNOW.keys(), "a new room: say in MAY_KNOW which rooms it may know"


def test_the_table_runs_one_way() -> None:
    settled: set[str] = set()
    rest = dict(MAY_KNOW)
    while ready := {room for room, known in rest.items() if known <= settled}:
        settled |= ready
        rest = {room: known for room, known in rest.items() if room not in ready}
    assert not rest, f"these rooms know each other in a circle: {sorted(rest)}"


def test_only_the_commands_know_the_emulator() -> None:
    assert [room for room, known in MAY_KNOW.items() if "emulator" in known] == ["cli"]
    assert MAY_KNOW["emulator"] == set()


@pytest.mark.parametrize("path", MODULES)
def test_imports_keep_to_the_tables(path: str) -> None:
    assert breaches(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/raw/write.py", "import dagster"),
        ("pipelines/raw/write.py", "from dagster._core import x"),
        ("pipelines/load/run.py", "def f():\n    import httpx"),
        ("pipelines/load/run.py", "importlib.import_module('duckdb')"),
        ("pipelines/settings/read.py", "from pipelines import raw"),
        ("pipelines/raw/write.py", "from pipelines.tables.flatten import day"),
        ("pipelines/raw/write.py", "from ..tables import flatten"),
        ("pipelines/raw/__init__.py", "from .. import tables"),
        ("pipelines/emulator/serve.py", "from pipelines.contract import read"),
        ("pipelines/load/run.py", "import pipelines.emulator.serve"),
        ("pipelines/errors.py", "from pipelines.settings import read"),
    ],
)
def test_a_breach_is_seen(path: str, text: str) -> None:
    assert len(breaches(path, text)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/raw/write.py", "import duckdb\nfrom pipelines.errors import StorageError"),
        ("pipelines/raw/__init__.py", "from .write import write\nfrom . import read"),
        ("pipelines/load/run.py", "from pipelines import __version__, tables"),
        ("pipelines/defs/assets.py", "import dagster as dg\nfrom ..load import run"),
        ("pipelines/definitions.py", "from dagster import Definitions\nfrom pipelines.defs import build"),
    ],
)
def test_what_the_tables_allow_is_no_breach(path: str, text: str) -> None:
    assert breaches(path, text) == []
