"""What commands print of inventories: how many objects, and which lists are not complete and why."""

from collections import Counter
from typing import Any

from cbr_warehouse.cli.terminal_text import say, show
from cbr_warehouse.contract.inventory_lists import Kind, name_of
from cbr_warehouse.contract.timestamps import print_instant
from cbr_warehouse.raw.inventory import read_snapshots
from cbr_warehouse.raw.inventory_entries import InventoryList, ListState, Snapshot
from cbr_warehouse.storage.layout import DataDirectory

_NAMES = {Kind.PROTECTABLES: "protectable resources"}


def newest_inventory(directory: DataDirectory, source: str) -> Snapshot | None:
    """The newest inventory of a source; None where none was ever received.

    Raises:
        DamagedFileError: The ledger of inventories is damaged.
    """
    return next(reversed(read_snapshots(directory, source)), None)


def show_inventory(source: str, snapshot: Snapshot | None) -> None:
    """Prints what a load received, and on stderr what it did not; nothing where it asked for nothing."""
    if snapshot is None:
        return
    show(f"{source}: inventory: {_count(snapshot)}")
    for gap in _gaps(snapshot):
        say(f"{source}: inventory: {gap}")


def show_newest_inventory(source: str, snapshot: Snapshot | None) -> None:
    """Prints when the newest inventory was received, and what is in it and what is not."""
    if snapshot is None:
        return
    show(f"{source}: inventory of {print_instant(snapshot.fetched_at)}: {_count(snapshot)}")
    for gap in _gaps(snapshot):
        show(f"{source}: inventory: {gap}")


def plain_inventory(snapshot: Snapshot | None) -> dict[str, Any] | None:
    """An inventory as ``status --json`` has it; None where there is none."""
    if snapshot is None:
        return None
    lists = [
        {
            "kind": one.kind.value,
            "object_type": one.object_type,
            "state": one.state.value,
            "reason": one.reason,
            "records": one.records,
        }
        for one in snapshot.lists
    ]
    return {"fetched_at": print_instant(snapshot.fetched_at), "load_id": snapshot.load_id, "lists": lists}


def _count(snapshot: Snapshot) -> str:
    counts = Counter[Kind]()
    for one in snapshot.lists:
        counts[one.kind] += one.records
    return ", ".join(f"{count:,} {_NAMES.get(kind, kind)}" for kind, count in counts.items())


def _gaps(snapshot: Snapshot) -> list[str]:
    return [_describe(one) for one in snapshot.lists if one.state is not ListState.COMPLETE]


def _describe(listed: InventoryList) -> str:
    name = name_of(listed.kind, listed.object_type)
    return f"{name} {listed.state.replace('_', ' ')}: {listed.reason}"
