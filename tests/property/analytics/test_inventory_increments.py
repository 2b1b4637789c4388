"""Analytics that follow the snapshots of an inventory are those that a fresh build makes of all of them."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbr_warehouse.analytics.catalogue import BASE
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.contract.inventory_lists import Kind
from cbr_warehouse.raw.inventory_entries import ListState
from cbr_warehouse.raw.inventory_writer import ReceivedList, write_snapshot
from cbr_warehouse.raw.ledgers import LoadEntry, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage import atomic_write
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.build import build_warehouse
from support.frugal import few_views
from support.landed_records import CONTRACT, SOURCE, land, make, printed

NIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = {
    "FREQ=DAILY;BYHOUR=1": timedelta(hours=24),
    "FREQ=DAILY;BYHOUR=1,13": timedelta(hours=12),
    "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=2": timedelta(hours=96),
    "FREQ=DAILY;INTERVAL=3;BYHOUR=2": timedelta(hours=72),
    "FREQ=MONTHLY;BYHOUR=1": None,
}
"""The longest wait that each rule plans."""

policies = st.dictionaries(
    st.sampled_from(["nightly", "other"]),
    st.tuples(st.sampled_from(sorted(RULES)), st.booleans()),
    min_size=1,
)
members = st.frozensets(st.sampled_from(["a", "b", "c"]))
states = st.sampled_from([ListState.COMPLETE, ListState.COMPLETE, ListState.PARTIAL, ListState.NOT_PERMITTED])
sources = st.sampled_from([SOURCE, SOURCE, "other"])
snapshots = st.lists(st.tuples(states, policies, members), min_size=2, max_size=4)


def task(name: str, night: int) -> bytes:
    """A nightly backup of a resource."""
    at = f"2026-11-{10 + night:02}T01:00:00"
    backup = {"backup_id": f"{name}-{night}", "resource_id": name, "resource_name": name}
    record = {"id": f"task-{name}-{night}", "created_at": at, "started_at": at, "ended_at": at}
    kind = {"status": "success", "operation_type": "backup", "policy_id": "nightly", "vault_id": "v"}
    return printed(record | kind | {"extra_info": {"resource": {"id": name}, "backup": backup}})


def received(
    state: ListState, plans: Mapping[str, tuple[str, bool]], held: frozenset[str]
) -> list[ReceivedList]:
    if state is ListState.NOT_PERMITTED:
        return [ReceivedList(kind, None, (), state, "why") for kind in (Kind.VAULTS, Kind.POLICIES)]
    texts = [
        json.dumps(
            {
                "id": name,
                "enabled": is_enabled,
                "operation_type": "backup",
                "trigger": {"properties": {"pattern": [rule]}},
                "associated_vaults": [{"vault_id": "v"}],
            }
        ).encode()
        for name, (rule, is_enabled) in plans.items()
    ]
    servers = [json.dumps({"id": name, "size": 1}).encode() for name in sorted(held)]
    vault = json.dumps({"id": "v", "resources": [{"id": name} for name in sorted(held)]}).encode()
    why = None if state is ListState.COMPLETE else "why"
    return [
        ReceivedList(Kind.VAULTS, None, [vault], state, why),
        ReceivedList(Kind.POLICIES, None, texts, state, why),
        ReceivedList(Kind.PROTECTABLES, "server", servers, state, why),
    ]


def planned(
    drawn: Sequence[tuple[ListState, Mapping[str, tuple[str, bool]], frozenset[str]]],
) -> dict[str, timedelta]:
    """Intervals that the newest snapshots plan, by resource of the log."""
    current: dict[str, tuple[str, bool]] = {}
    held: frozenset[str] = frozenset()
    for state, plans, in_vault in drawn:
        if state is ListState.NOT_PERMITTED:
            continue
        current = {**({} if state is ListState.COMPLETE else current), **plans}
        held = in_vault
    waits = {
        name: wait for name, (rule, is_enabled) in current.items() if is_enabled and (wait := RULES[rule])
    }
    shortest = min(waits.values(), default=None)
    by_resource = {name: shortest if name in held else waits.get("nightly") for name in "ab"}
    return {name: wait for name, wait in by_resource.items() if wait is not None}


VIEWS = ("missed_backups", "schedule_differences")


@pytest.fixture(scope="module", autouse=True)
def _without_other_views(frugal: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for replacement in few_views(*VIEWS):
            patched.setattr(*replacement)
        yield


def contents(directory: DataDirectory) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(directory.warehouse), read_only=True) as connection:
        tables = [f"analytics.{table}" for table in (*BASE, *VIEWS)]
        tables += [f"main.{table}" for table in ALL_INVENTORY_TABLES]
        return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables}


@settings(max_examples=4, deadline=None)  # of up to five publications each
@given(snapshots, st.lists(sources, min_size=4, max_size=4))
def test_each_snapshot_changes_what_it_says_and_nothing_depends_on_the_steps(
    drawn: list[tuple[ListState, Mapping[str, tuple[str, bool]], frozenset[str]]], of: list[str]
) -> None:
    with patch.object(atomic_write, "_sync", lambda _path: None), tempfile.TemporaryDirectory() as folder:
        tasks = [(task(name, night), NIGHT) for name in "ab" for night in range(10)]
        directory = land(Path(folder), "L1", tasks)
        write_load(directory, LoadEntry("L1", SOURCE, NIGHT + timedelta(days=6), "incremental"))
        make(directory)
        for night, (state, plans, held) in enumerate(drawn):
            at = NIGHT + timedelta(days=night)
            load_id = f"{at:%Y%m%dT%H%M%S%fZ}-{night:08d}"
            write_snapshot(directory, of[night], load_id, at, received(state, plans, held))
            build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=False)
        followed = contents(directory)
        build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=True)
        assert contents(directory) == followed
        with duckdb.connect(str(directory.warehouse), read_only=True) as connection:
            query = (
                "SELECT resource_id, backup_interval FROM analytics.resource WHERE schedule_basis = 'policy'"
            )
            found = dict(connection.execute(query).fetchall())
            assert {
                name
                for (name,) in connection.execute("SELECT resource_id FROM analytics.resource").fetchall()
            } == {"a", "b"}
        assert found == planned([one for one, source in zip(drawn, of, strict=False) if source == SOURCE])
