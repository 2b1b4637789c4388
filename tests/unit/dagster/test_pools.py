"""Pools hold over all hosts of a deployment: one run at a time sends requests to a project."""

from pathlib import Path

import dagster as dg

from cbr_warehouse.defs.asset_keys import source_pools
from cbr_warehouse.defs.build import build_location
from cbr_warehouse.settings.model import SourceSettings
from support.dagster_deployment import Api, Clock, make_installation


def source(name: str, project: str, endpoint: str = "https://cbr.example.com") -> SourceSettings:
    values = {"name": name, "project_id": project, "endpoint": endpoint, "token": "env:TOKEN"}
    return SourceSettings.model_validate(values)


def test_sources_of_one_project_share_a_pool() -> None:
    """Two hosts loaded two sources of one project at once, each at the full rate of the project."""
    sources = [
        source("a", "p"),
        source("b", "q"),
        source("c", "p"),
        source("d", "p", "https://CBR.example.com/"),
    ]
    assert source_pools(sources) == {"a": "source_a", "b": "source_b", "c": "source_a", "d": "source_a"}


def test_the_same_project_elsewhere_has_a_budget_of_its_own() -> None:
    sources = [source("a", "p"), source("b", "p", "https://other.example.com")]
    assert source_pools(sources) == {"a": "source_a", "b": "source_b"}


def test_steps_of_one_project_are_in_one_pool(tmp_path: Path) -> None:
    clock = Clock()
    installation = make_installation(tmp_path, clock, {"a": Api(clock), "b": Api(clock)})
    for one in installation.settings.sources:
        object.__setattr__(one, "project_id", "p")  # frozen
    assets = [
        one for one in build_location(installation).assets or () if isinstance(one, dg.AssetsDefinition)
    ]
    pools = {one.node_def.name: one.op.pool for one in assets}
    assert (pools["raw__a"], pools["raw__b"]) == ("source_a", "source_a")
