"""Loads by workers of Celery on several hosts: one request budget, and nothing lost or doubled by kill -9."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import duckdb
import pytest

from cbr_warehouse.remote.place import bring_up_for_reading
from cbr_warehouse.storage.layout import DataDirectory
from support.command_line import PROJECT
from support.emulator_server import Emulated, emulated, resources_of
from support.object_stores import BUCKET, real_store
from support.worker_hosts import Hosts, hosts

pytestmark = [
    pytest.mark.needs_program("psql", package="postgresql"),
    pytest.mark.needs_program("redis-server", package="redis-server"),
    pytest.mark.timeout(1800),
]

PER_SECOND = 12
"""Rate limit of each project: loads that take seconds, and little of the machine."""

SOURCES = {"first": 0, "second": 0, "other": 1, "third": 2}
"""Sources, and the number of their project's server; two are of one project."""


KILLS_OF_A_LOAD = 3
"""After so many, all is compared, and loaded from the beginning."""


@dataclass
class Server:
    """An emulator, and when it was sent requests for lists of tasks, in monotonic seconds."""

    emulated: Emulated
    times: list[float] = field(default_factory=list)

    def most_within(self, seconds: float) -> int:
        """The most requests in any window of this length."""
        return max(sum(at <= one < at + seconds for one in self.times) for at in self.times)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """Three projects, whose time stands still."""
    with ExitStack() as stack:
        found = []
        for seed in range(3):
            options: dict[str, Any] = {"tasks": 900, "days": 4, "seed": 20 + seed, "now": None}
            found.append(Server(stack.enter_context(emulated(**options))))
            found[-1].emulated.after_list = lambda _query, server=found[-1]: server.times.append(
                time.monotonic()
            )
        yield found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An object store that the environment names: a real one, where there is one."""
    with real_store(tmp_path_factory.mktemp("weed")):
        yield


@pytest.fixture(scope="module")
def deployment(
    store: None, tmp_path_factory: pytest.TempPathFactory, servers: list[Server]
) -> Iterator[Hosts]:
    """A control host and two workers, started."""
    folder = tmp_path_factory.mktemp("hosts")
    with hosts(folder, workers=2) as made:
        configure(made, servers)
        made.start()
        yield made


@dataclass(frozen=True)
class SharedFolder:
    """A data directory that all hosts mount."""

    folder: Path

    @property
    def data_dir(self) -> str:
        return str(self.folder)

    def published(self) -> Path:
        """The published warehouse, as a reader has it."""
        return self.folder / "warehouse.duckdb"


@dataclass(frozen=True)
class InStore:
    """A data directory in the object store; each host, and this reader, has a cache of its own."""

    cache: Path
    data_dir: str = field(default_factory=lambda: f"s3://{BUCKET}/{uuid4().hex}")

    def published(self) -> Path:
        """The published warehouse, as a reader has it."""
        directory = DataDirectory(self.cache / "work", self.data_dir)
        bring_up_for_reading(directory, lambda _sentence: None, published_only=True)
        return directory.warehouse


def configure(made: Hosts, servers: list[Server], data_dir: str | None = None) -> None:
    """Gives all hosts one data directory, or each its own."""
    sources = [
        {
            "name": name,
            "endpoint": servers[number].emulated.url,
            "project_id": PROJECT,
            "token": "env:CBR_TOKEN",
            "history": "5d",
            "max_requests_per_second": PER_SECOND,
        }
        for name, number in SOURCES.items()
    ]
    made.configure(sources, lambda host: data_dir or host.folder / "data")


def test_workers_without_a_common_disk_keep_one_request_budget(
    deployment: Hosts, servers: list[Server]
) -> None:
    """Two sources of one project were loaded by two hosts at once, each at the full rate of the project."""
    configure(deployment, servers)
    deployment.load(["first", "second", "other"], is_scheduled=False)
    ended = deployment.ended()
    assert {run.status for run in ended} == {dg.DagsterRunStatus.SUCCESS}, deployment.told(ended)
    loaded = [
        path.name for host in deployment.workers for path in (host.folder / "data/raw/records").glob("*")
    ]
    assert sorted(loaded) == ["source=first", "source=other", "source=second"]
    assert all((host.folder / "data").exists() for host in deployment.workers), "both workers have loaded"
    seconds = 3.0
    assert len(servers[0].times) > PER_SECOND * seconds
    for server in servers[:2]:
        # Requests are sent at their times, and arrive within moments of them.
        assert server.most_within(seconds) <= PER_SECOND * (seconds + 0.5)


@pytest.mark.fault("killed processes")
def test_killed_workers_lose_and_double_nothing(
    deployment: Hosts, servers: list[Server], tmp_path: Path, request: pytest.FixtureRequest, proved: Any
) -> None:
    """The process of a run, or its whole host with it, at random moments of first loads."""
    kills, seed = request.config.getoption("--worker-kills"), random.randrange(10**6)
    in_folder, chance = request.config.getoption("--workers-share-a-folder"), random.Random(seed)
    checked, differences = 0, [""]
    for begin in range(0, kills, KILLS_OF_A_LOAD):
        own = tmp_path / str(begin)
        place = SharedFolder(own) if in_folder else InStore(own)
        configure(deployment, servers, place.data_dir)
        kill_while_loading(deployment, min(KILLS_OF_A_LOAD, kills - begin), chance)
        differences = published_differences(deployment, place, servers)
        assert differences == [], f"seed {seed}: {deployment.told(deployment.instance.get_runs())}"
        checked += sum(len(servers[number].emulated.truth()) for number in SOURCES.values())
    ended = deployment.ended()
    failed = [run for run in ended if run.status is not dg.DagsterRunStatus.SUCCESS]
    assert {run.status for run in failed} == {dg.DagsterRunStatus.FAILURE}
    assert len(failed) <= kills, deployment.told(ended)
    own = {"RUN_EXCEPTION", "STEP_FAILURE"}
    assert not [run for run in failed if run.tags.get("dagster/failure_reason") in own], deployment.told(
        ended
    )
    proved(
        "killed processes",
        "a worker of Dagster, or the process of its run",
        times=kills,
        checked=checked,
        unit="tasks",
        lost=len(differences),
    )


def kill_while_loading(deployment: Hosts, kills: int, chance: random.Random) -> None:
    """Loads all sources, kills what loads one of them some times, and waits until Dagster has replaced it."""
    killed = 0
    while killed < kills or deployment.unfinished():
        if not deployment.unfinished():
            deployment.load(list(SOURCES))
        if killed < kills and deployment.loading():
            time.sleep(chance.uniform(0.0, 2.5))
            for host, process_id in list(deployment.loading().values())[:1]:
                deployment.start_dead_workers()
                if killed % 2:
                    with suppress(ProcessLookupError):  # it has ended meanwhile
                        os.kill(process_id, signal.SIGKILL)
                else:
                    host.kill()  # stays dead until the next one: the other worker has to take its run
                killed += 1
        time.sleep(0.2)
    deployment.start_dead_workers()


def published_differences(
    deployment: Hosts, place: SharedFolder | InStore, servers: list[Server]
) -> list[str]:
    """What differs from the servers once all is loaded and published, as ticks of the schedule do it."""
    deadline = time.monotonic() + 400  # the lease of a killed host lasts 90 seconds
    while time.monotonic() < deadline:
        if not deployment.unfinished():
            if not deployment.has_loaded(list(SOURCES)):
                deployment.load(list(SOURCES))  # one was killed more often than it is repeated
            elif (warehouse := place.published()).exists() and not compare(warehouse, servers):
                return []
        time.sleep(0.5)
    return compare(place.published(), servers)


def compare(warehouse: Path, servers: list[Server]) -> list[str]:
    """What in a warehouse is not as the servers have it: tasks, versions, resources, days."""
    found = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for name, number in SOURCES.items():
            truth = servers[number].emulated.truth()
            for table in ("tasks", "task_versions"):
                held = Counter(
                    row[0]
                    for row in connection.execute(
                        f"SELECT task_id FROM {table} WHERE source = ?", [name]
                    ).fetchall()
                )
                if held != dict.fromkeys(truth, 1):
                    found.append(f"{name}: {table} has {held.total()} rows for {len(truth)} tasks")
            query = (
                "SELECT task_id, role, position, resource_id, resource_name FROM resources WHERE source = ?"
            )
            rows = connection.execute(query, [name]).fetchall()
            if len(rows) != len(set(rows)) or set(rows) != resources_of(truth):
                found.append(f"{name}: resources")
        days = "SELECT source, day, state FROM coverage WHERE state IN ('incomplete', 'lost')"
        found += [str(row) for row in connection.execute(days).fetchall()]
    return found
