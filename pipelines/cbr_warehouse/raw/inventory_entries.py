"""What the ledger of inventories notes: which lists a load asked for, and what it received. Values only.

An inventory is what a source has at one moment: vaults, policies, backups and protectable resources.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cbr_warehouse.contract.inventory_lists import Kind


class ListState(StrEnum):
    """How much of a list was received."""

    COMPLETE = "complete"
    """All of it: what is not in it does not exist."""
    PARTIAL = "partial"
    """Some of it: it changed while it was read, or the source stopped answering; more may exist."""
    NOT_PERMITTED = "not_permitted"
    """Nothing: the credentials may not read it (403)."""
    NOT_OFFERED = "not_offered"
    """Nothing: the source has no such list (404)."""
    FAILED = "failed"
    """Nothing, for another reason."""


@dataclass(frozen=True)
class InventoryList:
    """One list, as one load received it.

    Attributes:
        kind: What is listed.
        object_type: ``server``, ``disk`` or ``turbo`` for protectable resources, which are listed by type;
            None for the others.
        state: How much of it was received.
        reason: A sentence: why it is not complete; None where it is.
        records: Number of distinct objects received.
        requests: Number of pages asked for.
    """

    kind: Kind
    object_type: str | None
    state: ListState
    reason: str | None
    records: int
    requests: int


@dataclass(frozen=True)
class InventoryFile:
    """A Parquet file that a load wrote for an inventory.

    Attributes:
        name: Name of the file, which ends in its checksum.
        rows: Number of rows in it.
    """

    name: str
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """The inventory of a source as one load received it.

    Attributes:
        load_id: The load; its order is that of the snapshots.
        fetched_at: When the load began to ask, UTC, by the source's clock.
        lists: Each list asked for.
        records: Files with the texts that were not stored before; none if all were.
        sightings: The file that says which text each object had; None if nothing was received.
    """

    load_id: str
    fetched_at: datetime
    lists: tuple[InventoryList, ...]
    records: tuple[InventoryFile, ...] = ()
    sightings: InventoryFile | None = None
