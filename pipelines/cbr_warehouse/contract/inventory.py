"""Which kind of object of the inventory each of its tables is made from.

The inventory is what a source has now besides its log of tasks: vaults, policies, backups and resources that
can be protected. The columns and where they are in a record are declared in ``schemas/``.
"""

from dataclasses import dataclass

from cbr_warehouse.contract.columns import Column, Contract, Table

INVENTORY_TABLES = {
    "vaults": "vaults",
    "vault_resources": "vaults",
    "vault_tags": "vaults",
    "policies": "policies",
    "policy_schedules": "policies",
    "policy_vaults": "policies",
    "backups": "backups",
    "protectables": "protectables",
}
"""Kind of object by table; the table of a kind itself before those of the lists inside its records."""

ALL_INVENTORY_TABLES = (*INVENTORY_TABLES, "inventory_malformed", "inventory_snapshots")
"""All tables made from snapshots of the inventory."""

HISTORY_COLUMNS = ("version", "first_seen_at", "last_seen_at", "is_current")
"""Columns of each of these tables that follow from the snapshots."""


@dataclass(frozen=True)
class InventoryTable:
    """One table of the inventory.

    Attributes:
        table: Its declaration.
        kind: The kind of object.
        list_path: Path of the list in the record whose elements are its rows; None where the record is one.
    """

    table: Table
    kind: str
    list_path: str | None

    @property
    def id_column(self) -> Column:
        """The column with the id of the object."""
        return next(column for column in self.table.columns if column.path == "id")

    @property
    def element_column(self) -> Column | None:
        """The column that names an element within its object; None where the record is the row."""
        if self.list_path is None:
            return None
        name = self.table.key[2]
        return self.table.column(name)

    def inner_path(self, column: Column) -> str | None:
        """Where a column's value is in the element, or in the record that is the row; "" is all of it."""
        if column.path is None or column == self.id_column:
            return None
        if self.list_path is None:
            return column.path
        return column.path.removeprefix(f"{self.list_path}[]").removeprefix(".")


def inventory_tables(contract: Contract) -> tuple[InventoryTable, ...]:
    """The tables of the inventory, in order."""
    return tuple(_of(contract.table(name), kind) for name, kind in INVENTORY_TABLES.items())


def _of(table: Table, kind: str) -> InventoryTable:
    lists = {
        column.path.partition("[]")[0] for column in table.columns if column.path and "[]" in column.path
    }
    return InventoryTable(table, kind, next(iter(lists), None))
