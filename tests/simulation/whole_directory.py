"""Checks of a whole data directory, which do not depend on what a source served."""

import shutil
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.integrity.verify import verify
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.load.run import rebuild
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.layout import DataDirectory
from simulation.directory_hash import row_hashes
from simulation.published import Published

NOT_OF_RAW = frozenset({"main.loads"})
"""Tables that a rebuild need not give unchanged."""


def check_loads(name: str, published: Published) -> None:
    """Checks that no two loads of a source ran at the same time.

    Raises:
        AssertionError: Two did.
    """
    for (_, ended_at), (began_at, _) in pairwise(published.loads):
        is_apart = ended_at is None or ended_at <= began_at
        assert is_apart, f"{name}: a load began at {began_at}, before the last one ended at {ended_at}"


def check_integrity(directory: DataDirectory, contract: Contract, now: datetime) -> None:
    """Checks that ``verify`` finds nothing, and that nothing unfinished is left.

    Raises:
        AssertionError: It does, or there is.
    """
    found = verify(directory, contract, AnalyticsSettings(), now)
    assert not found.findings, found.findings
    left = list(directory.root.rglob(".part-*"))
    assert not left, f"left behind: {left}"


def check_rebuild(directory: DataDirectory, context: Callable[[DataDirectory], LoadContext]) -> None:
    """Checks that a rebuild from raw alone gives the same tables.

    Args:
        directory: The data directory.
        context: What a rebuild of another one needs.

    Raises:
        AssertionError: It does not.
    """
    copy = Path("rebuilt")
    shutil.copytree(directory.root, copy)
    again = DataDirectory(copy)
    shutil.rmtree(again.tables)
    again.warehouse.unlink()
    rebuild(context(again))
    before, after = (row_hashes(one.warehouse) for one in (directory, again))
    differing = {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}
    differing -= NOT_OF_RAW
    assert not differing, f"a rebuild gives other rows in {sorted(differing)}"
    shutil.rmtree(copy)
