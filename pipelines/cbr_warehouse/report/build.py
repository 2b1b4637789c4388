"""Makes a report: asks, renders, writes; the manifest last, so that a report with one is whole."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cbr_warehouse import __version__
from cbr_warehouse.reader.warehouse import open_warehouse
from cbr_warehouse.report.data import ReportData, find
from cbr_warehouse.report.export import MADE_BY, export_tables, manifest_of
from cbr_warehouse.report.options import ReportOptions
from cbr_warehouse.report.render import render_page
from cbr_warehouse.report.texts import read_texts
from cbr_warehouse.storage.atomic_write import read_json, write_bytes, write_json
from cbr_warehouse.storage.disk_errors import as_storage_error

PAGE = "report.html"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Report:
    """A report that was made.

    Attributes:
        page: The HTML file.
        manifest: What it was made from, beside it.
        level: ``good``, ``warn``, ``bad`` or ``empty``.
        verdict: Its first sentence.
    """

    page: Path
    manifest: Path
    level: str
    verdict: str


def make_report(
    warehouse: Path, out: Path | None, folder: Path, wanted: ReportOptions, made_at: datetime
) -> Report:
    """Makes a report of the published warehouse.

    Args:
        warehouse: The published warehouse.
        out: Where to; None for a folder named after the report's last day below ``folder``.
        folder: Where reports are kept.
        wanted: Which report.
        made_at: When, UTC; only the manifest says so.

    Returns:
        What was made.

    Raises:
        WarehouseError: There is no warehouse.
        StorageError: A file could not be written.
    """
    texts = read_texts(wanted.language)
    with open_warehouse(warehouse) as opened:
        findings = find(opened, wanted.length, texts)
        place = out or folder / _name(findings, wanted)
        _withdraw(place)
        exported = export_tables(opened, findings, place, audit=wanted.audit)
    if wanted.audit:
        evidence = [{"name": one.name, "rows": one.rows} for one in exported]
        findings = replace(findings, evidence=evidence)
    version = __version__
    html = render_page(findings, texts, version).encode()
    write_bytes(place / PAGE, html)
    page = {"file": PAGE, "bytes": len(html), "sha256": hashlib.sha256(html).hexdigest()}
    write_json(place / MANIFEST, manifest_of(findings, exported, page, made_at, version))
    return Report(
        place / PAGE, place / MANIFEST, findings.verdict.level, " ".join(findings.verdict.sentences[:2])
    )


def _withdraw(place: Path) -> None:
    """Takes away an earlier report of the same place: its manifest first, then the files that it lists."""
    with as_storage_error(place):
        earlier = read_json(place / MANIFEST)
        if not isinstance(earlier, dict) or not str(earlier.get("made_by")).startswith(MADE_BY):
            return
        (place / MANIFEST).unlink()
        for table in earlier["tables"]:
            for file in table["files"]:
                (place / Path(file["file"]).name).unlink(missing_ok=True)


def _name(findings: ReportData, wanted: ReportOptions) -> str:
    last = f"{findings.period.to_day:%Y-%m-%d}" if findings.period else "empty"
    return f"{last}-{wanted.length}{'-audit' if wanted.audit else ''}-{wanted.language}"
