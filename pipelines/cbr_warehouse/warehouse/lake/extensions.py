"""The extensions of DuckDB that a DuckLake needs, from packages of Python: nothing is downloaded."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import duckdb

from cbr_warehouse.errors import UsageError
from cbr_warehouse.storage.sql_text import literal

EVERYWHERE = ("ducklake", "postgres_scanner")
"""The extensions without which nothing can be attached."""


def require_extensions(names: Iterable[str]) -> tuple[Path, ...]:
    """The files of extensions.

    Args:
        names: Names of the extensions.

    Raises:
        UsageError: A package is not installed, or is for another DuckDB.
    """
    return tuple(_find(name) for name in names)


def load_extensions(connection: duckdb.DuckDBPyConnection, names: Iterable[str] = EVERYWHERE) -> None:
    """Loads extensions into an engine.

    Args:
        connection: The engine.
        names: Names of the extensions.

    Raises:
        UsageError: A package is not installed, or is for another DuckDB.
    """
    for path in require_extensions(names):
        connection.execute(f"LOAD {literal(path)}")


def _find(name: str) -> Path:
    spec = find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.exists():
            return path
    package = f"duckdb-extension-{name.replace('_', '-')}"
    raise UsageError(
        f"The configured warehouse is a DuckLake, which needs the package {package} "
        f"{'for' if spec else 'of'} DuckDB {duckdb.__version__}"
        f"{', and there is one for another version' if spec else ''}. "
        f"Install it with pip install 'cbr-warehouse[ducklake]' '{package}=={duckdb.__version__}'."
    )
