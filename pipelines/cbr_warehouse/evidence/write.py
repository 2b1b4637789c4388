"""Makes an evidence pack of the data directory: collects, runs, writes."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse import __version__
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import StorageError, WarehouseError
from cbr_warehouse.evidence.archive import checksums, write_all, write_archive
from cbr_warehouse.evidence.collect_raw import CollectedRaw, collect_raw
from cbr_warehouse.evidence.index_page import render_index
from cbr_warehouse.evidence.layout import (
    ANALYTICS,
    INDEX,
    MANIFEST,
    MANIFEST_CHECKSUM,
    READ,
    TABLES,
    query_file,
)
from cbr_warehouse.evidence.manifest import Scope, manifest_of
from cbr_warehouse.evidence.published_settings import read_published_settings
from cbr_warehouse.evidence.queries import PackQuery, pack_queries
from cbr_warehouse.evidence.run import Result, run_scripts, write_result
from cbr_warehouse.evidence.sandbox import count_raw, open_sandbox
from cbr_warehouse.evidence.scripts import analytics_script, read_script, tables_script
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX, publish
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.query import read_watermark

PACK = "evidence.zip"
"""Name of the pack beside a report."""


@dataclass(frozen=True)
class WrittenPack:
    """A pack that was written.

    Attributes:
        path: The archive.
        bytes: Its size.
        sha256: Its SHA-256.
        manifest_sha256: That of its manifest, by which a verification names it.
    """

    path: Path
    bytes: int
    sha256: str
    manifest_sha256: str


def write_pack(
    directory: DataDirectory,
    contract: Contract,
    exceptions: Sequence[ControlException],
    period: tuple[datetime, datetime],
    place: Path,
    sources: Sequence[str] = (),
) -> WrittenPack:
    """Writes an evidence pack; the same data give the same bytes.

    Args:
        directory: The data directory.
        contract: The contract.
        exceptions: The exceptions of controls.
        period: Begin and end of the period, UTC.
        place: The archive to write.
        sources: The sources; empty for all that the warehouse has.

    Raises:
        WarehouseError: There is no warehouse, or no load has finished.
        StorageError: Raw records are missing or damaged, or a file could not be written.
    """
    with as_storage_error(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
    with _working_folder(place.parent) as folder, open_published(directory.warehouse) as published:
        scope = _scope(published, directory, period, exceptions, sources)
        raw = collect_raw(directory, contract, published, scope.sources, scope.to_at, folder)
        queries = pack_queries(scope.exceptions, scope.to_at)
        _write_sql(folder, contract, scope, raw, queries)
        results, raw_rows = _run(folder, raw, queries)
        versions = (__version__, duckdb.__version__)
        manifest = manifest_of(scope, queries, results, raw_rows, versions)
        digest = write_manifest(folder, manifest, results)
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        next_file = place.with_name(f"{folder.name}.zip")
        with publish(next_file, place):
            write_archive(next_file, folder, names)
    size, sha256 = checksums(place.parent, [place.name])[place.name]
    return WrittenPack(place, size, sha256, digest)


def write_manifest(folder: Path, manifest: dict[str, Any], results: dict[str, Result]) -> str:
    """Writes the index page, then the manifest with all files, then its checksum.

    Args:
        folder: Where the pack is made.
        manifest: The manifest without the files.
        results: The results by name.

    Returns:
        The SHA-256 of the manifest.
    """
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    listed = [
        {"file": name, "bytes": size, "sha256": sha256}
        for name, (size, sha256) in checksums(folder, names).items()
    ]
    first = {name: result.first for name, result in results.items() if name.startswith("control_")}
    page = render_index(manifest | {"files": listed}, first)
    entry = {"file": INDEX, "bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
    files = sorted([*listed, entry], key=lambda one: str(one["file"]))
    content = (json.dumps(manifest | {"files": files}, ensure_ascii=False, indent=1) + "\n").encode()
    digest = hashlib.sha256(content).hexdigest()
    checksum = f"{digest}  {MANIFEST}\n".encode()
    write_all(folder, {INDEX: page, MANIFEST: content, MANIFEST_CHECKSUM: checksum})
    return digest


def _scope(
    published: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    period: tuple[datetime, datetime],
    exceptions: Sequence[ControlException],
    sources: Sequence[str],
) -> Scope:
    watermark = read_watermark(published)
    if watermark is None:
        raise WarehouseError("No load has finished, so that there is nothing to give evidence of.")
    known = [name for (name,) in published.execute("SELECT DISTINCT source FROM loads ORDER BY 1").fetchall()]
    chosen = tuple(name for name in known if not sources or name in sources)
    lacking = sorted({*chosen} - {*directory.sources_with_raw()})
    if lacking:
        raise StorageError(
            f"{directory.raw}: has no raw records of {', '.join(lacking)}, so there is no evidence. Copy "
            "data/raw beside the warehouse, or report without --audit."
        )
    from_at, to_at = period[0].astimezone(UTC), min(period[1].astimezone(UTC), watermark)
    settings = replace(read_published_settings(published), lookback=max(to_at - from_at, timedelta(days=1)))
    return Scope(chosen, from_at, to_at, settings, tuple(exceptions))


def _write_sql(
    folder: Path, contract: Contract, scope: Scope, raw: CollectedRaw, queries: Sequence[PackQuery]
) -> None:
    texts = {
        READ: read_script(raw.files),
        TABLES: tables_script(contract, raw.days, scope.to_at),
        ANALYTICS: analytics_script(contract, scope.settings),
        **{query_file(one.name): f"{one.sql}\n" for one in queries},
    }
    write_all(folder, {name: text.encode() for name, text in texts.items()})


def _run(
    folder: Path, raw: CollectedRaw, queries: Sequence[PackQuery]
) -> tuple[dict[str, Result], dict[str, int]]:
    places = {name: folder / file for name, file in raw.files.items()}
    with (
        tempfile.TemporaryDirectory(prefix="cbr-warehouse-") as spill,
        open_sandbox(places, Path(spill)) as connection,
    ):
        run_scripts(connection, folder)
        results = {one.name: write_result(connection, folder, one.name) for one in queries}
        return results, count_raw(connection, raw.files)


@contextmanager
def _working_folder(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}evidence-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
