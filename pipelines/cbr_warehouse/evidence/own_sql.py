"""Compares the SQL of a pack with what this release writes, for packs of the same release.

Who changes a query can change its result as well; both run again without a difference. A pack of another
release is run as it is, and the verification says so.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse import __version__
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import EvidenceError
from cbr_warehouse.evidence.layout import ANALYTICS, MANIFEST, TABLES, query_file, records_of
from cbr_warehouse.evidence.manifest import settings_values
from cbr_warehouse.evidence.published_settings import read_published_settings
from cbr_warehouse.evidence.queries import pack_queries
from cbr_warehouse.evidence.scripts import analytics_script, tables_script
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.storage.sql_text import identifier


def is_of_this_release(manifest: dict[str, Any]) -> bool:
    """Whether this release made a pack, as its manifest says."""
    return bool(manifest["made_by"] == f"cbr-warehouse {__version__}")


def compare_tables_and_queries(
    connection: duckdb.DuckDBPyConnection, folder: Path, manifest: dict[str, Any]
) -> None:
    """Compares the script of the tables and every query of a pack of this release, before any of it is run.

    Args:
        connection: The sandbox with the raw records.
        folder: The unpacked pack.
        manifest: Its manifest.

    Raises:
        EvidenceError: One is not what this release writes.
    """
    try:
        exceptions = [ControlException.model_validate(one, strict=False) for one in manifest["exceptions"]]
        to_at = datetime.fromisoformat(manifest["period"]["to"])
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"{MANIFEST}: its exceptions or its period cannot be read.") from error
    days = {source: _days(connection, source) for source in manifest["sources"]}
    _require_own(folder, manifest, TABLES, tables_script(read_contract(), days, to_at))
    for one in pack_queries(exceptions, to_at):
        _require_own(folder, manifest, query_file(one.name), f"{one.sql}\n")


def compare_analytics(connection: duckdb.DuckDBPyConnection, folder: Path, manifest: dict[str, Any]) -> None:
    """Compares the settings and the script of the analytics of a pack of this release.

    Args:
        connection: The sandbox after the scripts.
        folder: The unpacked pack.
        manifest: Its manifest.

    Raises:
        EvidenceError: The script is not what this release writes, or its settings are not the manifest's.
    """
    settings = read_published_settings(connection)
    if settings_values(settings) != manifest["settings"]:
        raise EvidenceError(f"{MANIFEST}: its settings are not those of {ANALYTICS}.")
    _require_own(folder, manifest, ANALYTICS, analytics_script(read_contract(), settings))


def _require_own(folder: Path, manifest: dict[str, Any], name: str, text: str) -> None:
    path = folder / name
    if not path.is_file() or path.read_bytes() != text.encode():
        raise EvidenceError(f"{name}: is missing, or is not what {manifest['made_by']} writes.")


def _days(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[str, ...]:
    table = identifier(records_of(source))
    rows = connection.execute(f"SELECT DISTINCT day FROM raw.{table} ORDER BY day").fetchall()
    return tuple(day for (day,) in rows)
