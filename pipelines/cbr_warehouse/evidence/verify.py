"""Verifies an evidence pack: its files, its records, and every result, run again from the raw records."""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.controls.catalogue import Control, read_controls
from cbr_warehouse.controls.evaluate import read_outcome
from cbr_warehouse.errors import EvidenceError
from cbr_warehouse.evidence.archive import checksums, unpack_archive
from cbr_warehouse.evidence.layout import (
    INDEX,
    MANIFEST,
    MANIFEST_CHECKSUM,
    READ,
    raw_name,
    records_of,
)
from cbr_warehouse.evidence.manifest import FORMAT, control_entry
from cbr_warehouse.evidence.own_sql import compare_analytics, compare_tables_and_queries, is_of_this_release
from cbr_warehouse.evidence.run import Result, compare_result, run_scripts
from cbr_warehouse.evidence.sandbox import count_raw, open_sandbox
from cbr_warehouse.evidence.scripts import read_script
from cbr_warehouse.raw.files import content_hash
from cbr_warehouse.storage.sql_text import identifier

_STRANGE = (duckdb.Error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a pack can cause that was made to look like one: it may have any value in any place."""

_AT_ONCE = 2048
_COUNTED = ("result", "population", "failing", "undecided", "excepted")
"""What the manifest repeats of the result of a control."""


@dataclass(frozen=True)
class VerifiedPack:
    """A pack in which nothing differs.

    Attributes:
        records: Raw records whose texts were compared with their hashes.
        controls: Results of controls by name.
        tables: Other results that were run again.
        manifest_sha256: SHA-256 of the manifest, to compare with what its maker says.
        notes: What could not be compared, as sentences.
    """

    records: int
    controls: dict[str, str]
    tables: int
    manifest_sha256: str
    notes: tuple[str, ...]


def verify_pack(path: Path) -> VerifiedPack:
    """Verifies a pack.

    Args:
        path: The archive, which anybody may have made.

    Raises:
        EvidenceError: Something differs, or the pack has what no pack may have; the message says the first.
        StorageError: There is no room to unpack it.
    """
    with tempfile.TemporaryDirectory(prefix="cbr-warehouse-") as own:
        folder, spill = Path(own) / "pack", Path(own) / "spill"
        folder.mkdir()
        names = unpack_archive(path, folder)
        try:
            return _verify_unpacked(folder, spill, names)
        except _STRANGE as error:
            raise EvidenceError(f"{path}: is no evidence pack ({type(error).__name__}: {error}).") from error


def _verify_unpacked(folder: Path, spill: Path, names: list[str]) -> VerifiedPack:
    manifest, digest = _read_manifest(folder, names)
    _compare_files(folder, names, manifest)
    raw = {raw_name(name): folder / name for name in names if name.startswith("raw/")}
    _require_equal(READ, (folder / READ).read_bytes(), read_script(raw).encode())
    with open_sandbox(raw, spill) as connection:
        records = sum(_compare_records(connection, source) for source in _sources(manifest, raw))
        if count_raw(connection, raw) != {one["table"]: one["rows"] for one in manifest["raw"]}:
            raise EvidenceError(f"{MANIFEST}: its counts of raw rows are not those of the files.")
        if is_of_this_release(manifest):
            compare_tables_and_queries(connection, folder, manifest)
        run_scripts(connection, folder)
        if is_of_this_release(manifest):
            compare_analytics(connection, folder, manifest)
        results = _compare_results(connection, folder, names, manifest)
    notes = _compare_page(folder, manifest, results)
    if manifest["duckdb"] != duckdb.__version__:
        notes = (*notes, f"The pack was made with DuckDB {manifest['duckdb']}; this is {duckdb.__version__}.")
    controls = {one["control"]: one["result"] for one in manifest["controls"]}
    return VerifiedPack(records, controls, len(results) - len(controls), digest, notes)


def _read_manifest(folder: Path, names: list[str]) -> tuple[dict[str, Any], str]:
    for name in (MANIFEST, MANIFEST_CHECKSUM, INDEX, READ):
        if name not in names:
            raise EvidenceError(f"{name}: is missing.")
    content = (folder / MANIFEST).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if (folder / MANIFEST_CHECKSUM).read_bytes() != f"{digest}  {MANIFEST}\n".encode():
        raise EvidenceError(f"{MANIFEST}: its SHA-256 is {digest}, not the one in {MANIFEST_CHECKSUM}.")
    manifest = json.loads(content)
    if manifest["format"] != FORMAT:
        raise EvidenceError(f"{MANIFEST}: its format is not {FORMAT!r}, which this release reads.")
    return manifest, digest


def _compare_files(folder: Path, names: list[str], manifest: dict[str, Any]) -> None:
    listed = {one["file"]: (one["bytes"], one["sha256"]) for one in manifest["files"]}
    present = checksums(folder, [name for name in names if name not in {MANIFEST, MANIFEST_CHECKSUM}])
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            raise EvidenceError(f"{name}: is in the manifest, but not in the pack.")
        if name not in listed:
            raise EvidenceError(f"{name}: is in the pack, but not in the manifest.")
        if listed[name] != present[name]:
            raise EvidenceError(
                f"{name}: its SHA-256 is {present[name][1]}, not {listed[name][1]} as in the manifest."
            )


def _sources(manifest: dict[str, Any], raw: dict[str, Path]) -> list[str]:
    for source in manifest["sources"]:
        if records_of(source) not in raw:
            raise EvidenceError(f"raw/{records_of(source)}.parquet: is missing.")
    return [str(source) for source in manifest["sources"]]


def _compare_records(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """Compares the text of each record with its hash; returns how many there are."""
    table = records_of(source)
    try:
        cursor = connection.execute(
            f"SELECT content_hash, coalesce(record_bytes, encode(record_text)) FROM raw.{identifier(table)}"
        )
        count = 0
        while rows := cursor.fetchmany(_AT_ONCE):
            for known, record in rows:
                if record is None or content_hash(record) != known:
                    raise EvidenceError(f"raw/{table}.parquet: the text of record {known} was changed.")
            count += len(rows)
    except duckdb.Error as error:
        raise EvidenceError(f"raw/{table}.parquet: has not the columns of raw records.") from error
    return count


def _compare_results(
    connection: duckdb.DuckDBPyConnection, folder: Path, names: list[str], manifest: dict[str, Any]
) -> dict[str, Result]:
    wanted = [f"control_{one['control']}" for one in manifest["controls"]]
    wanted += [one["table"] for one in manifest["tables"]]
    kept = {name.removeprefix("results/").removesuffix(".jsonl") for name in names if name[:8] == "results/"}
    if {*wanted} != kept:
        raise EvidenceError(f"{MANIFEST}: its controls and tables are not the results of the pack.")
    results = {name: compare_result(connection, folder, name) for name in sorted(wanted)}
    known = {one.name: one for one in read_controls()}
    for one in manifest["controls"]:
        _compare_control(one, results[f"control_{one['control']}"], known.get(one["control"]))
    for one in manifest["tables"]:
        if one["rows"] != results[one["table"]].rows:
            raise EvidenceError(f"{MANIFEST}: says {one['rows']} rows of {one['table']}; there are others.")
    return results


def _compare_control(entry: dict[str, Any], result: Result, known: Control | None) -> None:
    """Compares what the manifest says of a control with the result of its query."""
    if not result.first or any(result.first[0].get(name) != entry.get(name) for name in _COUNTED):
        raise EvidenceError(f"{MANIFEST}: what it says of {entry['control']} is not what its query gives.")
    if known is not None and known.version == entry.get("version"):
        again = control_entry(read_outcome(known, result.first, {}, ""), result.rows)
        if differs := sorted(name for name in again if again[name] != entry.get(name)):
            what = f"{differs[0]} of {entry['control']}"
            raise EvidenceError(f"{MANIFEST}: {what} is not what its query gives.")


def _compare_page(folder: Path, manifest: dict[str, Any], results: dict[str, Result]) -> tuple[str, ...]:
    """Compares the index page with one made of the manifest and the results, where that is possible."""
    if not is_of_this_release(manifest):
        made_by = manifest["made_by"]
        only = f"its SQL was run as it is, and of {INDEX} only the checksum was compared"
        return (f"The pack was made by {made_by}: {only}.",)
    first = {name: result.first for name, result in results.items() if name.startswith("control_")}
    others = [one for one in manifest["files"] if one["file"] != INDEX]
    try:
        rendering = import_module("cbr_warehouse.evidence.index_page")  # needs the extra
        page = rendering.render_index(manifest | {"files": others}, first)
    except ImportError:
        return (f"{INDEX}: only its checksum was compared, since the extra 'report' is not installed.",)
    _require_equal(INDEX, (folder / INDEX).read_bytes(), page)
    return ()


def _require_equal(name: str, stored: bytes, again: bytes) -> None:
    if stored != again:
        raise EvidenceError(f"{name}: is not what the pack makes of its content.")
