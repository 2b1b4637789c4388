"""Builds a report: queries, renders, writes. The manifest comes last: a report that has one is complete."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from cbr_warehouse import __version__
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.reader.warehouse import Warehouse, open_warehouse
from cbr_warehouse.report.collect_data import ReportData, collect_data
from cbr_warehouse.report.export import MADE_BY, export_tables, manifest_of
from cbr_warehouse.report.options import ReportOptions
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import Texts, read_texts
from cbr_warehouse.storage.atomic_write import read_json, write_bytes, write_json
from cbr_warehouse.storage.disk_errors import as_storage_error

PAGE = "report.html"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        page: The HTML file.
        manifest: The manifest next to it: period, settings, queries and checksums.
        level: ``good``, ``warn``, ``bad`` or ``empty``.
        verdict: Its first two sentences.
    """

    page: Path
    manifest: Path
    level: str
    verdict: str


def make_report(
    warehouse: Path, out: Path | None, folder: Path, options: ReportOptions, made_at: datetime
) -> Report:
    """Writes a report of the published warehouse.

    Args:
        warehouse: The published warehouse.
        out: The folder to write to; None for one below ``folder``, named after the report's last day.
        folder: The folder of all reports.
        options: Period, language and whether to include all evidence.
        made_at: The time of writing, UTC; in the manifest alone, so that equal data give an equal page.

    Returns:
        The written report.

    Raises:
        WarehouseError: There is no warehouse, or an earlier version published it.
        StorageError: A file could not be written.
    """
    texts = read_texts(options.language)
    with open_warehouse(warehouse) as opened:
        data = _collect_data(opened, warehouse, options, texts)
        place = out or folder / _name(data, options)
        _remove_earlier(place)
        exported = export_tables(opened, data, place, audit=options.audit)
    if options.audit:
        evidence = [{"name": one.name, "rows": one.rows} for one in exported]
        data = replace(data, evidence=evidence)
    version = __version__
    html = render_page(data, texts, version).encode()
    write_bytes(place / PAGE, html)
    page = {"file": PAGE, "bytes": len(html), "sha256": hashlib.sha256(html).hexdigest()}
    write_json(place / MANIFEST, manifest_of(data, exported, page, made_at, version))
    return Report(place / PAGE, place / MANIFEST, data.verdict.level, " ".join(data.verdict.sentences[:2]))


def _collect_data(opened: Warehouse, path: Path, options: ReportOptions, texts: Texts) -> ReportData:
    try:
        return collect_data(opened, options.length, texts)
    except WarehouseError as error:
        # The queries are ours: a table or column that is missing was not known to who published the file.
        if isinstance(error.__cause__, duckdb.CatalogException | duckdb.BinderException):
            raise WarehouseError(
                f"{path} was published by another version of cbr-warehouse, which lacks what the report "
                "reads. Run 'cbr-warehouse load' or 'cbr-warehouse rebuild' once, then report again."
            ) from error
        raise


def _remove_earlier(place: Path) -> None:
    """Removes an earlier report from the same folder: its manifest first, then the files that it lists."""
    with as_storage_error(place):
        earlier = read_json(place / MANIFEST)
        if not isinstance(earlier, dict) or not str(earlier.get("made_by")).startswith(MADE_BY):
            return
        (place / MANIFEST).unlink()
        for table in earlier["tables"]:
            for file in table["files"]:
                (place / Path(file["file"]).name).unlink(missing_ok=True)


def _name(data: ReportData, options: ReportOptions) -> str:
    last = f"{data.period.to_day:%Y-%m-%d}" if data.period else "empty"
    return f"{last}-{options.length}{'-audit' if options.audit else ''}-{options.language}"
