"""The history of the inventory beside one in plain Python, over random sequences of snapshots."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.raw.inventory import read_snapshots
from cbr_warehouse.raw.inventory_entries import ListState
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.inventory import insert_inventory
from support.small_warehouse import create_tables

NIGHT = datetime(2026, 11, 1, 2, tzinfo=UTC)
CONTRACT = read_contract()

Vaults = Mapping[str, tuple[int, Mapping[str, int]]]
"""What a snapshot sees: by vault its size, and by resource in it the size of that."""

Row = tuple[object, ...]

VAULTS = "stuvwx"

sizes = st.integers(1, 2)
seen_vaults = st.dictionaries(
    st.sampled_from(VAULTS), st.tuples(sizes, st.dictionaries(st.sampled_from("ab"), sizes)), max_size=6
)
states = st.sampled_from([*ListState, ListState.COMPLETE, ListState.COMPLETE])
snapshots_of_vaults = st.lists(st.tuples(states, seen_vaults), min_size=1, max_size=8)


def taken_at(night: int) -> datetime:
    return NIGHT + timedelta(days=night)


def histories(
    snapshots: Sequence[tuple[ListState, Mapping[object, object]]], absences: Sequence[set[object]]
) -> Iterator[Row]:
    """Versions of objects: key, version, first and last night, whether current, content.

    Args:
        snapshots: State of each snapshot and content by object.
        absences: Of each snapshot, the objects that it shows to be gone.
    """
    for key in sorted({key for _, seen in snapshots for key in seen}, key=str):
        versions: list[list[object]] = []
        is_present = False
        for night, (_, seen) in enumerate(snapshots):
            if key in seen:
                if is_present and versions and versions[-1][2] == seen[key]:
                    versions[-1][1] = night
                else:
                    versions.append([night, night, seen[key]])
                is_present = True
            elif key in absences[night]:
                is_present = False
        for number, (first, last, content) in enumerate(versions, 1):
            yield (key, number, first, last, is_present and number == len(versions), content)


@contextmanager
def warehouse(
    folder: Path, snapshots: Sequence[tuple[ListState, Vaults]]
) -> Iterator[duckdb.DuckDBPyConnection]:
    directory = DataDirectory(folder)
    for night, (state, seen) in enumerate(snapshots):
        texts = [
            json.dumps(
                {
                    "id": vault,
                    "billing": {"size": size},
                    "resources": [{"id": one, "size": own} for one, own in held.items()],
                }
            ).encode()
            for vault, (size, held) in seen.items()
        ]
        received = ReceivedList(Kind.VAULTS, None, texts, state, None if state == "complete" else "why")
        at = taken_at(night)
        write_snapshot(directory, "a", f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}", at, [received])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_tables(connection)
        insert_inventory(connection, directory, CONTRACT, "a", read_snapshots(directory, "a"))
        yield connection


@settings(max_examples=25, deadline=None)  # six vaults each
@given(snapshots_of_vaults)
def test_versions_follow_from_what_snapshots_saw(drawn: list[tuple[ListState, Vaults]]) -> None:
    """A partial or refused snapshot ends nothing; one that lacks an object does, and it comes back as new."""
    readable = {ListState.COMPLETE, ListState.PARTIAL}
    snapshots = [(state, seen if state in readable else {}) for state, seen in drawn]
    rest = "version, first_seen_at, last_seen_at, is_current, size_gb"
    with (
        patch.object(atomic_write, "_sync", lambda _path: None),
        tempfile.TemporaryDirectory() as folder,
        warehouse(Path(folder), snapshots) as connection,
    ):
        vaults = connection.execute(f"SELECT vault_id, {rest} FROM vaults ORDER BY ALL").fetchall()
        query = f"SELECT vault_id || resource_id, {rest} FROM vault_resources ORDER BY ALL"
        resources = connection.execute(query).fetchall()
    every = set(VAULTS)
    texts = [(state, {key: json.dumps(one) for key, one in seen.items()}) for state, seen in snapshots]
    complete = [set(every) if state is ListState.COMPLETE else set() for state, _ in snapshots]
    expected = [
        (key, number, taken_at(first), taken_at(last), current, json.loads(content)[0])
        for key, number, first, last, current, content in histories(texts, complete)
    ]
    assert vaults == expected
    members = [
        (state, {vault + one: size for vault, (_, held) in seen.items() for one, size in held.items()})
        for state, seen in snapshots
    ]
    gone = [
        {vault + one for vault in every for one in "ab" if vault in seen or state is ListState.COMPLETE}
        for state, seen in snapshots
    ]
    assert resources == [
        (key, number, taken_at(first), taken_at(last), current, size)
        for key, number, first, last, current, size in histories(members, gone)
    ]
