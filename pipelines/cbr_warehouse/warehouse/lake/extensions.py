"""The two extensions of DuckDB that a DuckLake needs, from packages of Python: nothing is downloaded."""

from importlib.util import find_spec
from pathlib import Path

import duckdb

from cbr_warehouse.errors import UsageError
from cbr_warehouse.storage.sql_text import literal

_EXTENSIONS = ("ducklake", "postgres_scanner")


def require_extensions() -> tuple[Path, ...]:
    """The files of the extensions.

    Raises:
        UsageError: A package is not installed, or is for another DuckDB.
    """
    return tuple(_find(name) for name in _EXTENSIONS)


def load_extensions(connection: duckdb.DuckDBPyConnection) -> None:
    """Loads the extensions into an engine.

    Raises:
        UsageError: A package is not installed, or is for another DuckDB.
    """
    for path in require_extensions():
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
