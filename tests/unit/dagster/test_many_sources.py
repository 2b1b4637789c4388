"""A code location with many sources: each has its own asset, pool and check, and it grows with them."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from cbr_warehouse.defs.build import build_location
from support.dagster_deployment import Api, Clock, make_installation

COUNT = 200


def location(folder: Path, count: int) -> dg.Definitions:
    clock = Clock()
    apis = {f"source-{number:03}": Api(clock) for number in range(count)}
    return build_location(make_installation(folder, clock, apis))


def size(folder: Path, count: int) -> int:
    """Bytes of what the code location sends to Dagster's webserver and daemon, whenever it is loaded."""
    return len(dg.serialize_value(RepositorySnap.from_def(location(folder, count).get_repository_def())))


def test_each_of_two_hundred_sources_has_its_own_asset_pool_freshness_and_check(tmp_path: Path) -> None:
    graph = location(tmp_path, COUNT).resolve_asset_graph()
    raw = [graph.get(key) for key in graph.get_all_asset_keys() if key.path[0] == "raw"]
    assert len(raw) == COUNT
    assert {frozenset(node.pools or ()) for node in raw} == {
        frozenset({f"source_source-{number:03}"}) for number in range(COUNT)
    }
    assert all(node.freshness_policy is not None for node in raw)
    assert sum(key.name == "nothing_missing" for key in graph.asset_check_keys) == COUNT


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated")
def test_the_code_location_grows_with_its_sources_and_not_faster(tmp_path: Path) -> None:
    small, middle, large = (size(tmp_path, count) for count in (10, 20, 40))
    assert large - middle < 2.1 * (middle - small)
