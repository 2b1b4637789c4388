"""Puts an evidence pack beside a report, of the report's period, and into the report's manifest."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.evidence.write import PACK, WrittenPack, write_pack
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.storage.atomic_write import read_json, write_json
from cbr_warehouse.storage.layout import DataDirectory


def add_pack(
    directory: DataDirectory,
    contract: Contract,
    exceptions: Sequence[ControlException],
    report_manifest: Path,
    sources: Sequence[str] = (),
) -> WrittenPack:
    """Writes the pack of a report that was just written.

    Args:
        directory: The data directory.
        contract: The contract.
        exceptions: The exceptions of controls.
        report_manifest: The manifest of the report.
        sources: The sources; empty for all.

    Raises:
        WarehouseError: No load has finished, so that the report has no period.
        StorageError: Raw records are missing or damaged, or a file could not be written.
    """
    report = read_json(report_manifest)
    if report["period"] is None:
        raise WarehouseError("No load has finished, so that there is nothing to give evidence of.")
    period = tuple(datetime.fromisoformat(report["period"][end]) for end in ("from", "to"))
    place = report_manifest.with_name(PACK)
    pack = write_pack(directory, contract, exceptions, (period[0], period[1]), place, sources)
    entry = {"file": PACK, "bytes": pack.bytes, "sha256": pack.sha256}
    write_json(report_manifest, report | {"evidence": entry})
    return pack
