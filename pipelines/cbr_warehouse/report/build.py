"""Builds a report: queries, renders, writes. The manifest comes last: a report that has one is complete."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cbr_warehouse import __version__
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.collect_data import ReportData, collect_from
from cbr_warehouse.report.export import MADE_BY, export_tables, manifest_of
from cbr_warehouse.report.options import ReportOptions
from cbr_warehouse.report.pdf import find_browser, print_page
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.storage.atomic_write import read_json, write_bytes, write_json
from cbr_warehouse.storage.disk_errors import as_storage_error
from cbr_warehouse.warehouse.place import WarehousePlace

PAGE = "report.html"
PDF = "report.pdf"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        page: The HTML file.
        manifest: The manifest next to it: period, settings, queries and checksums.
        level: ``act``, ``watch``, ``fine`` or ``empty``.
        verdict: Its first two sentences.
    """

    page: Path
    manifest: Path
    level: str
    verdict: str


def make_report(
    warehouse: WarehousePlace, out: Path | None, folder: Path, options: ReportOptions, made_at: datetime
) -> Report:
    """Writes a report of the published warehouse.

    Args:
        warehouse: The published warehouse.
        out: The folder to write to; None for one below ``folder``, named after the report's last day.
        folder: The folder of all reports.
        options: Period, scope, language, and what to write beside the page.
        made_at: The time of writing, UTC; in the manifest alone, so that equal data give an equal page.

    Returns:
        The written report.

    Raises:
        WarehouseError: There is no warehouse, or an earlier version published it.
        StorageError: A file could not be written.
        UsageError: The warehouse has no such source, vault or policy, or nothing of the period.
    """
    texts = read_texts(options.language)
    browser = find_browser() if options.pdf else None
    with open_warehouse(warehouse) as opened:
        data = collect_from(opened, warehouse, options, texts)
        place = out or folder / _name(data, options)
        _remove_earlier(place)
        exported = export_tables(data, place)
    version = __version__
    html = render_page(data, texts, version, has_pack=options.audit).encode()
    write_bytes(place / PAGE, html)
    pages = {"page": _file(PAGE, html)}
    if browser:
        printed = print_page(browser, place / PAGE)
        write_bytes(place / PDF, printed)
        pages["pdf"] = _file(PDF, printed)
    write_json(place / MANIFEST, manifest_of(data, exported, pages, made_at, version))
    return Report(place / PAGE, place / MANIFEST, data.verdict.level, " ".join(data.verdict.sentences[:2]))


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _remove_earlier(place: Path) -> None:
    """Removes an earlier report from the same folder: its manifest first, then the files that it lists."""
    with as_storage_error(place):
        earlier = read_json(place / MANIFEST)
        if not isinstance(earlier, dict) or not str(earlier.get("made_by")).startswith(MADE_BY):
            return
        (place / MANIFEST).unlink()
        (place / PDF).unlink(missing_ok=True)
        for table in earlier["tables"]:
            for file in table["files"]:
                (place / Path(file["file"]).name).unlink(missing_ok=True)
        if "evidence" in earlier:
            (place / Path(earlier["evidence"]["file"]).name).unlink(missing_ok=True)


def _name(data: ReportData, options: ReportOptions) -> str:
    last = f"{data.period.to_day:%Y-%m-%d}" if data.period else "empty"
    name = f"{last}-{options.period.text}" if options.period.is_newest else options.period.text
    limits = "" if options.scope.is_whole else f"-{_short_hash(repr(options.scope))}"
    return f"{name}{limits}{'-audit' if options.audit else ''}-{options.language}"


def _short_hash(text: str) -> str:
    """Tells folders of reports with different limits apart, whose names may hold what no file name can."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
