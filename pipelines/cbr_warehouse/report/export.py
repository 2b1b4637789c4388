"""The data files of a report: every table as CSV and Parquet, and a manifest to check them by."""

import hashlib
import json
from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from cbr_warehouse.report.collect_data import ReportData
from cbr_warehouse.report.options import Scope
from cbr_warehouse.report.period import Period
from cbr_warehouse.storage.atomic_write import write_bytes

MADE_BY = "cbr-warehouse"
"""Begins ``made_by`` in every manifest."""

_FORMULA = r"\A[=+\-@\t\r\n＝＋－＠]"
"""How a text begins that a spreadsheet may take for a formula (OWASP, "CSV Injection")."""

_FORMATS = {
    "parquet": "The values exactly as the query gives them.",
    "csv": "UTF-8 with a byte order mark. A text that a spreadsheet would run as a formula begins with an "
    "apostrophe that is not part of the value.",
}
"""What a reader of the files must know, for the manifest."""


@dataclass(frozen=True)
class Exported:
    """An exported table.

    Attributes:
        name: Its name.
        query: The query that produced it, with parameters filled in.
        rows: How many rows it has.
        files: Its files with size and checksum.
    """

    name: str
    query: str
    rows: int
    files: list[dict[str, Any]]


def export_tables(data: ReportData, folder: Path) -> list[Exported]:
    """Writes the tables of a report.

    Args:
        data: The report's data.
        folder: The folder to write to.

    Returns:
        The exported tables by name.

    Raises:
        StorageError: A file could not be written.
    """
    tables = {name: (answered.query, answered.table) for name, answered in data.results.items()}
    tables |= {f"figure_{name}": (figure.query, figure.table) for name, figure in data.figures.items()}
    return [_export(name, *answered, folder) for name, answered in sorted(tables.items())]


def _export(name: str, query: str, table: pa.Table, folder: Path) -> Exported:
    parquet, csv = BytesIO(), BytesIO()
    pq.write_table(table, parquet, compression="zstd")
    pa_csv.write_csv(_for_spreadsheets(table), csv)
    files = [
        _write(folder / f"{name}.parquet", parquet.getvalue()),
        _write(folder / f"{name}.csv", BOM_UTF8 + csv.getvalue()),
    ]
    return Exported(name, query, table.num_rows, files)


def _for_spreadsheets(table: pa.Table) -> pa.Table:
    """The table as its CSV holds it: lists as JSON, and no text that a spreadsheet would run as a formula."""
    columns: list[Any] = []
    for column, field in zip(table.columns, table.schema, strict=True):
        if pa.types.is_nested(field.type):
            texts = [
                None if value is None else json.dumps(value, ensure_ascii=False, default=str)
                for value in column.to_pylist()
            ]
            columns.append(pa.array(texts, pa.string()))
        elif pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            columns.append(pc.replace_substring_regex(column, _FORMULA, r"'\0"))
        else:
            columns.append(column)
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _write(path: Path, content: bytes) -> dict[str, Any]:
    write_bytes(path, content)
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def manifest_of(
    data: ReportData,
    exported: list[Exported],
    pages: dict[str, dict[str, Any]],
    made_at: datetime,
    version: str,
) -> dict[str, Any]:
    """The manifest: what is needed to check the report.

    Args:
        data: The report's data.
        exported: The exported tables.
        pages: File name, size and SHA-256 of the page and its PDF, as ``page`` and ``pdf``.
        made_at: The time of writing, UTC.
        version: Of this program.
    """
    return {
        "made_by": f"{MADE_BY} {version}",
        "made_at": made_at.isoformat(),
        "period": period_of(data.period),
        "scope": scope_of(data.scope),
        "settings": {name: str(value) for name, value in data.settings.items()},
        "verdict": {"level": data.verdict.level, "sentences": list(data.verdict.sentences)},
        "figures": figures_of(data, with_queries=True),
        **pages,
        "formats": _FORMATS,
        "tables": [
            {"name": one.name, "query": one.query, "rows": one.rows, "files": one.files} for one in exported
        ],
    }


def figures_of(data: ReportData, *, with_queries: bool = False) -> dict[str, dict[str, Any]]:
    """The key figures as values for JSON, by name.

    Args:
        data: The report's data.
        with_queries: Whether to add the query of each.
    """
    return {
        name: {
            "value": figure.value,
            "numerator": figure.numerator,
            "denominator": figure.denominator,
            "before": figure.before,
            "earlier": list(figure.earlier),
            "definition": figure.question.header["Definition"],
        }
        | ({"query": figure.query} if with_queries else {})
        for name, figure in data.figures.items()
    }


def scope_of(scope: Scope) -> dict[str, list[str]]:
    """What a report is limited to, as values for JSON."""
    parts = (("sources", scope.sources), ("vaults", scope.vaults), ("policies", scope.policies))
    return {name: list(names) for name, names in parts}


def period_of(period: Period | None) -> dict[str, Any] | None:
    """The period as values for JSON; None where there is none."""
    if period is None:
        return None
    return {
        "name": period.name.text,
        "watermark": period.as_of.isoformat(),
        "from": period.from_at.isoformat(),
        "to": period.to_at.isoformat(),
        "timezone": period.timezone,
        "first_backup_day": period.from_day.isoformat(),
        "last_backup_day": (period.to_day - timedelta(days=1)).isoformat(),
        "backup_days": period.days,
        "is_cut": period.is_cut,
    }
