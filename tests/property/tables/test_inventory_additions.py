"""Tables to which snapshots are added are those that all snapshots together give, over random histories."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.raw.inventory import read_snapshots
from cbr_warehouse.raw.inventory_entries import ListState
from cbr_warehouse.raw.inventory_removal import remove_inventories
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.inventory import insert_inventory
from cbr_warehouse.warehouse.inventory import bring_up_inventory
from support.small_warehouse import create_tables

FIRST_NIGHT = datetime(2026, 11, 1, 2, tzinfo=UTC)
CONTRACT = read_contract()
SOURCES = ("a", "b")
MALFORMED = (b'{"name": "no id"}', b'{"id": 7}', b"[1]")
RULES = ("FREQ=DAILY;BYHOUR=1", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=2", "FREQ=MONTHLY")

sizes = st.integers(1, 2)
members = st.dictionaries(st.sampled_from("xy"), sizes, max_size=2)
vaults = st.fixed_dictionaries({"size": sizes, "resources": members, "tags": members})
policies = st.tuples(st.lists(st.sampled_from(RULES), max_size=3), st.frozensets(st.sampled_from("st")))
states = st.sampled_from([*ListState, *[ListState.COMPLETE] * 8])


def listed(objects: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """State, objects by id and malformed records of a list of a snapshot; None where it is not asked for."""
    found = st.dictionaries(st.sampled_from("st"), objects, max_size=2)
    malformed = st.frozensets(st.sampled_from(MALFORMED), max_size=1)
    return st.one_of(*[st.tuples(states, found, malformed)] * 8, st.none())


snapshots = st.tuples(listed(vaults), listed(policies), listed(sizes), listed(sizes))
histories = st.lists(st.tuples(st.sampled_from("aaab"), snapshots), min_size=5, max_size=7)
events = st.sampled_from(["none", "late", "same time", "remove oldest", "forget", "wait"])

VAULT = {"size": 1, "resources": {"x": 1}, "tags": {"y": 1}}
SEEN = (
    (ListState.COMPLETE, {"s": VAULT}, frozenset()),
    (ListState.COMPLETE, {"s": ([RULES[0]], frozenset("s"))}, frozenset()),
    None,
    None,
)
GONE = (*((ListState.COMPLETE, {}, frozenset()),) * 2, None, None)


def vault_text(name: str, vault: Mapping[str, Mapping[str, int]]) -> bytes:
    held = [{"id": one, "size": own} for one, own in vault["resources"].items()]
    tags = [{"key": key, "value": str(value)} for key, value in vault["tags"].items()]
    return json.dumps(
        {"id": name, "billing": {"size": vault["size"]}, "resources": held, "tags": tags}
    ).encode()


def policy_text(name: str, policy: tuple[list[str], frozenset[str]]) -> bytes:
    rules, linked = policy
    trigger = {"properties": {"pattern": rules}}
    links = [{"vault_id": one} for one in sorted(linked)]
    return json.dumps({"id": name, "trigger": trigger, "associated_vaults": links}).encode()


def resource_text(name: str, size: int) -> bytes:
    return json.dumps({"id": name, "size": size}).encode()


def received(snapshot: tuple[object, ...]) -> Iterator[ReceivedList]:
    kinds = (
        (Kind.VAULTS, None, vault_text),
        (Kind.POLICIES, None, policy_text),
        (Kind.PROTECTABLES, "server", resource_text),
        (Kind.PROTECTABLES, "disk", resource_text),
    )
    for (kind, object_type, text), one in zip(kinds, snapshot, strict=True):
        if one is None:
            continue
        state, objects, malformed = one
        texts = [*(text(*item) for item in objects.items()), *malformed]
        if state not in {ListState.COMPLETE, ListState.PARTIAL}:
            texts = []
        yield ReceivedList(kind, object_type, texts, state, None if state == "complete" else "why")


@contextmanager
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_tables(connection)
        yield connection


def contents(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    tables = (*(f"main.{table}" for table in ALL_INVENTORY_TABLES), "meta.inventory_objects")
    return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables}


def happen(
    connection: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    event: str,
    night: int,
    snapshot: tuple[object, ...],
) -> None:
    """A snapshot is taken in the way of the event, and published unless it is to wait."""
    at = FIRST_NIGHT + timedelta(hours=24 * night - (36 if event == "late" else 0))
    load_id = f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}"
    known = read_snapshots(directory, source)
    if event == "same time" and known:
        at = known[-1].fetched_at
    if event == "remove oldest" and len(known) > 1:
        remove_inventories(directory, source, known[1].load_id)
    if event == "forget":
        connection.execute("DROP TABLE meta.inventory_objects")
        connection.execute("DROP TABLE meta.inventory_extent")
    write_snapshot(directory, source, load_id, at, received(snapshot))
    if event != "wait":
        connection.execute("BEGIN")
        bring_up_inventory(connection, directory, CONTRACT, source, str(night))
        connection.execute("COMMIT")


def assert_whole(connection: duckdb.DuckDBPyConnection, directory: DataDirectory) -> None:
    """The tables have what a warehouse of all snapshots has."""
    with warehouse() as fresh:
        for source in SOURCES:
            insert_inventory(fresh, directory, CONTRACT, source, read_snapshots(directory, source))
        assert contents(connection) == contents(fresh)


@settings(max_examples=12, deadline=None)  # of up to nine publications each
@given(histories, events, st.integers(1, 5))
@example([("a", SEEN), ("a", GONE), ("a", SEEN)], "none", 1)  # its elements come back as they were
def test_added_snapshots_give_what_all_of_them_give(
    drawn: list[tuple[str, tuple[object, ...]]], event: str, event_at: int
) -> None:
    """Whatever happens once: before it and in the end."""
    with (
        patch.object(atomic_write, "_sync", lambda _path: None),
        tempfile.TemporaryDirectory() as folder,
        warehouse() as connection,
    ):
        directory = DataDirectory(Path(folder))
        for night, (source, snapshot) in enumerate(drawn, 1):
            if night == event_at:
                assert_whole(connection, directory)
            happen(connection, directory, source, event if night == event_at else "none", night, snapshot)
        for source in SOURCES:
            bring_up_inventory(connection, directory, CONTRACT, source, "last")
        assert_whole(connection, directory)
