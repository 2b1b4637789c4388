"""The warehouse's DDL with comments, derived from the contract."""

from collections.abc import Iterator

from cbr_warehouse.contract.columns import Column, Contract, Table
from cbr_warehouse.contract.sql_types import SQL_TYPES
from cbr_warehouse.storage.sql_text import identifier, literal

_LONG_TEXTS = frozenset({"record_text"})
"""Columns of long texts that are alike: zstd writes them with less CPU than what DuckDB chooses by itself, in
a third of the space."""


INVENTORY_STATE = (
    """CREATE TABLE IF NOT EXISTS meta.inventory_objects (
    source VARCHAR, kind VARCHAR, object_type VARCHAR, object_id VARCHAR, version BIGINT,
    content_hash VARCHAR, first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ, is_current BOOLEAN)""",
    """COMMENT ON TABLE meta.inventory_objects IS
    'The last version of each object of the inventory, from which its history goes on.'""",
    """CREATE TABLE IF NOT EXISTS meta.inventory_extent (
    source VARCHAR, snapshots BIGINT, fingerprint VARCHAR)""",
    "COMMENT ON TABLE meta.inventory_extent IS 'How many snapshots of the inventory are loaded.'",
)
"""Statements that create what new snapshots of an inventory are added to; old warehouses lack it."""


def create_statements(contract: Contract) -> Iterator[str]:
    """Statements that create every table of the warehouse, empty, with comments."""
    for table in contract.tables:
        columns = ", ".join(_column(column) for column in table.columns)
        yield f"CREATE TABLE {identifier(table.name)} ({columns})"
        yield from _comments(table)
    yield "CREATE SCHEMA meta"
    yield "CREATE TABLE meta.partitions (source VARCHAR, day VARCHAR, fingerprint VARCHAR)"
    yield "COMMENT ON TABLE meta.partitions IS 'Which state of which partition of tables/ is loaded.'"
    yield "CREATE TABLE meta.sightings (source VARCHAR, since VARCHAR)"
    yield "COMMENT ON TABLE meta.sightings IS 'The load until which manifests were read for last_seen_at.'"
    yield "CREATE TABLE meta.inventory (source VARCHAR, fingerprint VARCHAR)"
    yield "COMMENT ON TABLE meta.inventory IS 'Which snapshots of the inventory are loaded.'"
    yield from INVENTORY_STATE
    yield "CREATE TABLE meta.contract (fingerprint VARCHAR)"
    yield "COMMENT ON TABLE meta.contract IS 'The contract this warehouse was made under.'"


def _column(column: Column) -> str:
    constraint = "" if column.nullable else " NOT NULL"
    compression = " USING COMPRESSION zstd" if column.name in _LONG_TEXTS else ""
    return f"{identifier(column.name)} {SQL_TYPES[column.type]}{constraint}{compression}"


def _comments(table: Table) -> Iterator[str]:
    yield f"COMMENT ON TABLE {identifier(table.name)} IS {literal(table.description)}"
    for column in table.columns:
        place = f"{identifier(table.name)}.{identifier(column.name)}"
        yield f"COMMENT ON COLUMN {place} IS {literal(column.description)}"
