"""``cbr-warehouse verify-pack``: runs an evidence pack again and compares to the byte."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cbr_warehouse.amounts import amount
from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.controls.describe import SHOWN
from cbr_warehouse.evidence.verify import verify_pack as verify


def verify_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The pack, as report --audit wrote it.")],
) -> None:
    """Run an evidence pack again from the raw records in it, and compare to the byte.

    It needs no data directory, no configuration and no network: DuckDB runs the SQL of the pack on its
    records, and can reach nothing else. Exit status 1 and the first difference where something differs.
    """
    found = verify(file)
    results = Counter(found.controls.values())
    shown = ", ".join(f"{results[verdict.value]} {word}" for verdict, word in SHOWN.items())
    for note in found.notes:
        say(note)
    show(
        f"verified: {amount(found.records, 'raw records')}, "
        f"{amount(len(found.controls), 'controls')} ({shown}) and {amount(found.tables, 'tables')} "
        "give the same to the byte"
    )
    show(f"manifest SHA-256: {found.manifest_sha256}")
