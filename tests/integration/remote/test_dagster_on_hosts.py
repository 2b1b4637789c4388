"""Dagster's steps on several hosts: what one host loads, another one publishes and checks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.load.locks import hold_source
from cbr_warehouse.load.store import directory_holder, source_holder
from cbr_warehouse.warehouse.query import query
from support.dagster_deployment import Api, Clock, Deployment, day, make_installation


@pytest.fixture
def places(url: str, tmp_path: Path) -> Iterator[tuple[Deployment, Deployment]]:
    """Two hosts with the same configuration, sources and Dagster, each with a disk of its own."""
    clock = Clock()
    apis = {name: Api(clock) for name in ("prod", "test")}
    with dg.DagsterInstance.ephemeral() as instance:
        yield tuple(
            Deployment(with_ids_of_its_own(made), clock, apis, instance)
            for host in ("a", "b")
            for made in [make_installation(url, clock, apis, cache_dir=str(tmp_path / host))]
        )


def with_ids_of_its_own(made: Installation) -> Installation:
    return replace(made, load_context=replace(made.load_context, new_id=uuid4))


def test_one_host_publishes_what_the_others_loaded(places: tuple[Deployment, Deployment]) -> None:
    a, b = places
    for ago in range(4):
        a.apis["prod"].add(day(ago), 2)
        a.apis["test"].add(day(ago))
    assert a.tick("prod").success
    assert b.tick("test").success
    assert b.recorded("tables", "tasks") == a.recorded("tables", "tasks")
    assert a.publish().success
    counted = "SELECT source, count(*) FROM tasks GROUP BY source ORDER BY source"
    assert query(a.installation.load_context.directory.warehouse, counted).rows == [("prod", 8), ("test", 4)]
    a.apis["prod"].add(day(1), 3)
    assert b.tick("prod").success
    assert b.publish(analytics=False).success
    assert query(b.installation.load_context.directory.warehouse, counted).rows == [("prod", 9), ("test", 4)]


def test_a_tick_of_another_host_sees_who_loads(places: tuple[Deployment, Deployment]) -> None:
    a, b = (place.installation.load_context for place in places)
    with hold_source(a, "prod", "load of prod by Dagster run 7", wait=False):
        assert "load of prod by Dagster run 7 (process" in str(source_holder(b.directory, "prod", b.clock()))
        assert source_holder(b.directory, "test", b.clock()) is None
    assert source_holder(b.directory, "prod", b.clock()) is None
    assert directory_holder(b.directory, b.clock()) is None
