"""Everything below the data directory goes through ``storage``, the seam for another kind of store.

What does not yet is listed call by call: ``STILL_DIRECT`` is exact, and changed only to become shorter
(docs/adr/0026). Modules are parsed, not imported: a call is recognized by its name and, where that says
little, by its arguments.
"""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2] / "pipelines" / "cbr_warehouse"

METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "glob", "rglob", "iterdir", "unlink", "rename",
    "mkdir", "rmdir", "stat", "lstat", "exists", "is_file", "is_dir", "touch", "chmod", "hardlink_to",
    "symlink_to", "readlink",
}  # fmt: skip
"""Methods of a path; ``open`` and ``replace`` are recognized by their arguments."""

SYSTEM = {"os", "shutil", "tempfile"}
HARMLESS = {
    "os.environ",
    "os.getpid",
    "os.cpu_count",
    "os.sched_getaffinity",
    "os.fspath",
    "os.path",
    "os.kill",
}
LIBRARIES = {"pq.read_table", "pq.write_table", "pq.ParquetFile", "pq.ParquetWriter", "duckdb.connect"}


def name_of(node: ast.expr) -> str:
    """The dotted name of what is called; what is not a name is left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}".lstrip(".")
    return ""


def file_call(call: ast.Call) -> str | None:
    """What a call does to a file, if it does."""
    name = name_of(call.func)
    module = name.rpartition(".")[0]
    if name == "open" or name in LIBRARIES:
        return name
    if module.partition(".")[0] in SYSTEM:
        return None if any(name.startswith(known) for known in HARMLESS) or name.startswith("os.E") else name
    if not isinstance(call.func, ast.Attribute):
        return None
    method = call.func.attr
    if method in METHODS:
        return method
    arguments, named = call.args, {word.arg for word in call.keywords}
    if method == "open" and arguments and isinstance(arguments[0], ast.Constant):
        return "open"
    is_of_a_path = method == "replace" and len(arguments) == 1 and not named
    return "replace" if is_of_a_path else None


def file_calls(path: Path) -> dict[str, int]:
    """The calls of a module that touch files, with their numbers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = (file_call(node) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return dict(sorted(Counter(found for found in calls if found).items()))


OTHER_FILES = {
    # Files of the package itself: SQL, schemas, texts, pages.
    "analytics/alarm_accuracy.py",
    "analytics/catalogue.py",
    "analytics/columns.py",
    "cli/dagster_home.py",
    "cli/demo_queries.py",
    "contract/load_schemas.py",
    "controls/catalogue.py",
    "evidence/index_page.py",
    "mcp_server/figures.py",
    "page/app.py",
    "page/queries.py",
    "report/query_files.py",
    "report/texts.py",
    "warehouse/lake/extensions.py",
    "warehouse/status.py",
    # What the user names: configuration, secrets, queries, folders of output.
    "cli/demo.py",
    "cli/init.py",
    "cli/metrics.py",
    "cli/sql.py",
    "cli/sql_prompt.py",
    "reader/warehouse.py",
    "settings/field_types.py",
    "settings/locate.py",
    "settings/secret_references.py",
    # The system, other programs, Dagster's own store.
    "cli/main.py",
    "cli/table.py",
    "defs/dagster_store.py",
    "defs/run_process.py",
    "defs/run_start.py",
    "report/pdf.py",
    # Evidence packs, which are made and opened in folders of their own, with DuckDB alone.
    "evidence/archive.py",
    "evidence/collect_raw.py",
    "evidence/own_sql.py",
    "evidence/run.py",
    "evidence/sandbox.py",
    "evidence/scripts.py",
    "evidence/verify.py",
    "evidence/write.py",
}
"""Modules that touch files which are not below the data directory."""

IN_MEMORY = {
    "raw/files.py": {"pq.write_table": 1},  # into a buffer
    "tables/engine.py": {"duckdb.connect": 1},  # an engine without a file
    "warehouse/lake/connect.py": {"duckdb.connect": 1},  # in memory: it asks a store
    "warehouse/lake/snapshots.py": {"duckdb.connect": 1},  # likewise
}
"""Calls that touch no file, though they look so."""

STILL_DIRECT: dict[str, dict[str, int]] = {
    # The published DuckDB file is copied, linked and renamed on a local disk: that is what publishing is.
    "warehouse/build.py": {"glob": 1, "replace": 1, "unlink": 2},
    "warehouse/news.py": {"stat": 1},
    "warehouse/open_published.py": {
        "duckdb.connect": 1,
        "exists": 2,
        "hardlink_to": 1,
        "mkdir": 1,
        "shutil.copyfile": 1,
        "shutil.rmtree": 1,
        "tempfile.mkdtemp": 1,
        "unlink": 1,
    },
    "warehouse/reusable_file.py": {"open": 1, "stat": 1},
    "warehouse/sidecars.py": {
        "glob": 2,
        "is_dir": 1,
        "iterdir": 1,
        "shutil.rmtree": 2,
        "stat": 1,
        "unlink": 1,
    },
    "warehouse/unreadable_file.py": {"stat": 1},
    "warehouse/working_file.py": {
        "exists": 1,
        "open": 4,
        "os.copy_file_range": 1,
        "shutil.copyfile": 1,
        "stat": 2,
        "touch": 1,
        "unlink": 1,
    },
    "warehouse/conditions.py": {"stat": 1},
    "cli/open.py": {"exists": 1},
    "cli/views.py": {"exists": 1},
    "page/snapshots.py": {"stat": 1},
    # Reports: their files are replaced one by one.
    "report/build.py": {"unlink": 4},
    "report/export.py": {"pq.write_table": 1},
    # Sizes and identities of everything below the directory.
    "integrity/verify.py": {"rglob": 1, "stat": 1},
    "warehouse/metrics.py": {"exists": 2, "os.stat": 1, "os.walk": 1, "stat": 1},
    # The pace that the processes of one machine share; hosts would share it otherwise.
    "source/shared_pace.py": {"mkdir": 1, "os.close": 1, "os.open": 1, "os.pread": 1, "os.pwrite": 1},
}
"""Calls for files below the data directory that do not go through ``storage`` yet. Only ever fewer."""


def test_files_are_touched_by_storage_and_as_listed_here() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): calls
        for path in sorted(ROOT.rglob("*.py"))
        if not path.is_relative_to(ROOT / "storage") and (calls := file_calls(path))
    }
    ours = {module: calls for module, calls in found.items() if module not in OTHER_FILES}
    assert ours == IN_MEMORY | STILL_DIRECT, "below the data directory, use storage.files and atomic_write"
    assert found.keys() >= OTHER_FILES


def test_what_loads_write_and_read_has_no_exception() -> None:
    behind = {"raw", "tables", "extract", "verify", "load"}
    assert {
        module for module in STILL_DIRECT | dict.fromkeys(OTHER_FILES) if module.split("/")[0] in behind
    } == set()


def test_each_way_to_a_file_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        """
def use(path, text, day):
    path.read_bytes(), path.glob("*"), path.unlink(), path.stat(), path.replace(other), path.open("rb")
    open(path), os.scandir(path), shutil.rmtree(path), duckdb.connect(path), pq.read_table(path)
    text.replace("a", "b"), day.replace(hour=1), os.environ.get("A"), os.getpid(), connection.open()
""",
        encoding="utf-8",
    )
    once = "duckdb.connect glob os.scandir pq.read_table read_bytes replace shutil.rmtree stat unlink"
    assert file_calls(module) == dict.fromkeys(once.split(), 1) | {"open": 2}
