"""The parts of a data directory that change independently: each source, and what belongs to all of them."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from cbr_warehouse.storage.files import is_file, names_in
from cbr_warehouse.storage.layout import SOURCE_PREFIX, DataDirectory
from cbr_warehouse.storage.linked_files import files_below
from cbr_warehouse.transfer.data_files import is_copied

WAREHOUSE = "warehouse"
"""The published warehouse, its checksums, and the format of the directory."""

ACCOUNTS = "accounts"
"""The projects that accounts were found to have."""

ALERTS = "alerts"
"""Which failing controls were reported."""

REPORTS = "reports"
"""The reports; files are only added."""

OF_ALL_SOURCES = (ACCOUNTS, ALERTS, REPORTS, WAREHOUSE)
"""The scopes that belong to no source. The warehouse, which is made of all others, is the last."""

_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def scope_of_source(source: str) -> str:
    """The scope of a source: its raw files, ledgers and tables."""
    return f"{SOURCE_PREFIX}{source}"


def source_of_scope(scope: str) -> str | None:
    """The source whose scope this is; None for the other scopes."""
    name = scope.removeprefix(SOURCE_PREFIX)
    return name if name != scope and _SOURCE.fullmatch(name) else None


def scope_of(path: PurePosixPath) -> str | None:
    """The scope that a file belongs to; None for what never leaves the machine.

    Args:
        path: The file, relative to the data directory.
    """
    if not is_copied(path):
        return None
    own = [part for part in path.parts[:-1] if part.startswith(SOURCE_PREFIX)]
    if own and path.parts[0] in {"raw", "tables", ".ledgers"}:
        return own[0] if source_of_scope(own[0]) else None
    if path.parts[:2] == ("raw", "accounts"):
        return ACCOUNTS
    if path.parts[0] == "reports":
        return REPORTS
    if path.name == ".check-alerts.json" and len(path.parts) == 1:
        return ALERTS
    is_format = path.parts[0] == "raw" and len(path.parts) == 2 and path.name.startswith("format-")
    is_published = str(path) in {"warehouse.duckdb", ".warehouse.json"}
    return WAREHOUSE if is_format or is_published else None


def files_of(directory: DataDirectory, scope: str) -> Iterator[PurePosixPath]:
    """The files of a scope that are in a data directory, relative to it, in no order."""
    root, source = directory.root, source_of_scope(scope)
    if source is not None:
        folders = directory.source_folders(source)
    elif scope == REPORTS:
        folders = [directory.reports]
    elif scope == ACCOUNTS:
        folders = [directory.raw / "accounts"]
    else:
        places = [directory.warehouse, directory.warehouse_note, directory.check_alerts]
        places += [directory.raw / name for name in names_in(directory.raw, prefix="format-")]
        paths = (PurePosixPath(path.relative_to(root)) for path in places if is_file(path))
        yield from (path for path in paths if scope_of(path) == scope)
        return
    for folder in folders:
        below = PurePosixPath(folder.relative_to(root))
        paths = (below / path for path in files_below(folder))
        yield from (path for path in paths if scope_of(path) == scope)
