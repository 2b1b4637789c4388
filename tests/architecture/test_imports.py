"""Import rules between packages and for libraries; the tests compare the code with the tables below.

Files are parsed, not imported, and an import inside a function counts like one at the top. ``make docs``
writes the tables to CONTRIBUTING.md.
"""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]

# Each subpackage with those it may import; there are no cycles. `OPEN_TO_ALL` and the package itself are
# open to all. A new subpackage gets a line here.
OPEN_TO_ALL = {"errors", "amounts"}
LAYERS: dict[str, set[str]] = {
    "json_log": set(),
    "settings": set(),
    "storage": set(),
    "contract": set(),
    # Where shares of work are computed; what they are is known to those that divide their work.
    "compute": {"storage"},
    "source": {"settings", "contract"},
    "raw": {"storage", "contract"},
    "tables": {"raw", "contract", "storage", "compute"},
    # Requests from the source what is new or may have changed.
    "extract": {"settings", "source", "raw", "contract", "storage", "tables", "json_log"},
    # Counts days at the source and compares them with what is stored.
    "verify": {"extract", "source", "raw", "contract", "tables"},
    # Examines a source and writes nothing.
    "doctor": {"settings", "source", "contract", "extract"},
    # The definitions of the views; the warehouse creates them.
    "analytics": {"settings", "storage"},
    "warehouse": {"raw", "tables", "contract", "storage", "settings", "analytics", "compute"},
    # Compares what is stored with its checksums, and with what is made of raw again; writes nothing.
    "integrity": {"settings", "storage", "contract", "raw", "tables", "analytics", "warehouse"},
    "reader": {"warehouse", "storage", "analytics", "settings", "remote"},
    # Answers for assistants; gets the published warehouse and nothing to write with.
    "mcp_server": {"warehouse", "analytics", "contract", "storage"},
    # Sends what a sensor has found to people.
    "alerts": {"settings"},
    # Judges the published warehouse by named controls, and reports what fails.
    "controls": {"settings", "storage", "contract", "analytics", "alerts", "warehouse"},
    # Makes and verifies archives of raw records, the SQL from them to the controls, and its results.
    "evidence": {
        "settings",
        "storage",
        "contract",
        "raw",
        "tables",
        "analytics",
        "warehouse",
        "controls",
    },
    "report": {"reader", "warehouse", "analytics", "contract", "storage"},
    # Copies a data directory to an object store and back.
    "transfer": {"storage"},
    # Data directories in an object store, and their working copies.
    "remote": {"storage", "transfer"},
    # The local page of `cbr-warehouse open`.
    "page": {"warehouse", "analytics", "contract", "storage", "report"},
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "amounts": set(),
    **LAYERS,
    "load": set(LAYERS),
    "defs": {*LAYERS, "load"} - {"source"},
    "definitions": {"defs"},
    # The definitions, for the projects of others.
    "component": {"defs"},
    # Where Dagster's runs are executed; what they do is in `defs`, which Dagster finds by its name.
    "workers": set(),
    "cli": {*LAYERS, "load"},
    # The public API: what `from cbr_warehouse import …` gives, imported on first use.
    "__init__": {"reader"},
}

# The emulator shares no code with the warehouse, so that their agreement is evidence.
EMULATOR_MAY_IMPORT: dict[str, set[str]] = {
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
PACKAGES = {"cbr_warehouse": MAY_IMPORT, "cbr_emulator": EMULATOR_MAY_IMPORT}

# Imports across the two packages: the command runs the emulator as a server.
ALLOWED_ACROSS = {("cbr_warehouse", "cli", "cbr_emulator")}

# Libraries that only certain subpackages may import.
ONLY_IN: dict[str, set[str]] = {
    # Settings ask it whether a schedule is valid, and import it for that alone.
    "dagster": {"defs", "definitions", "component", "settings", "workers"},
    "dagster_celery": {"workers"},
    "httpx": {"source"},
    "pyspark": {"compute"},
    "duckdb": {
        "storage",
        "raw",
        "tables",
        "warehouse",
        "analytics",
        "integrity",
        "controls",
        "evidence",
        "reader",
        "page",
        "report",
    },
    "starlette": {"server", "faults", "error_responses", "page"},
    "uvicorn": {"server", "page"},
    "typer": {"cli"},
    "mcp": {"mcp_server"},
    "obstore": {"storage"},
    "mcp_types": {"mcp_server"},
}

MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pipelines").rglob("*.py"))


def room_of(module: list[str]) -> str:
    """The subpackage of a dotted name; the package itself counts as `errors`, open to all."""
    return module[1] if len(module) > 1 else "errors"


def last_name(called: ast.expr) -> str:
    """What is called, without where it is from; empty for what has no name."""
    return getattr(called, "attr", getattr(called, "id", ""))


def imported(path: str, text: str) -> Iterator[list[str]]:
    """Each imported name, split at dots: relative ones made absolute, literal dynamic ones included."""
    package = list(PurePosixPath(path).relative_to("pipelines").parent.parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            # `from cbr_warehouse import raw` names the subpackage in its last part.
            yield from ([*base, alias.name] for alias in node.names)
        elif isinstance(node, ast.Call) and last_name(node.func).endswith(("import_module", "__import__")):
            yield from (
                str(name.value).split(".") for name in node.args[:1] if isinstance(name, ast.Constant)
            )


def violations(path: str, text: str) -> list[str]:
    """The forbidden imports of a module, as sentences."""
    parts = list(PurePosixPath(path).relative_to("pipelines").with_suffix("").parts)
    package, room = parts[0], parts[1]
    may_import = PACKAGES[package]
    found = set()
    for name in imported(path, text):
        known = room_of(name)
        if name[0] == "pipelines":
            found.add(f"{path}: {'.'.join(name)} is not an installed package")
        elif name[0] == package and known in may_import:
            if known not in may_import[room] | {room, *OPEN_TO_ALL}:
                found.add(f"{path}: {room} may not import {known}")
        elif name[0] in PACKAGES and name[0] != package and (package, room, name[0]) not in ALLOWED_ACROSS:
            found.add(f"{path}: {package} shares no code with {name[0]}")
        elif name[0] in ONLY_IN and room not in ONLY_IN[name[0]]:
            found.add(f"{path}: {name[0]} is for {', '.join(sorted(ONLY_IN[name[0]]))} only, not for {room}")
    return sorted(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_in_the_table(package: str) -> None:
    folder = f"pipelines/{package}/"
    rooms = {room_of(path.removesuffix(".py").split("/")[1:]) for path in MODULES if path.startswith(folder)}
    assert rooms == PACKAGES[package].keys(), "the line of a package is missing or outdated"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tables_have_no_cycle(package: str) -> None:
    settled: set[str] = set()
    rest = dict(PACKAGES[package])
    while ready := {room for room, known in rest.items() if known <= settled}:
        settled |= ready
        rest = {room: known for room, known in rest.items() if room not in ready}
    assert not rest, f"these packages import each other in a circle: {sorted(rest)}"


def test_only_the_two_packages_are_in_the_folder() -> None:
    assert {path.split("/")[1] for path in MODULES} == PACKAGES.keys()


@pytest.mark.parametrize("path", MODULES)
def test_imports_keep_to_the_tables(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


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
def test_a_violation_is_detected(path: str, text: str) -> None:
    assert len(violations(path, text)) == 1


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
def test_allowed_imports_are_no_violation(path: str, text: str) -> None:
    assert violations(path, text) == []
