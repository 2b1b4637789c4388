"""Many sources in one load: a few at a time, one that fails and one that waits beside all others."""

import threading
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import ForbiddenError
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.progress import Progress
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.resolve_credentials import KeyCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.rate_limit import RateLimiters
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.query import query
from support.emulator_server import Emulated, emulated

SLOW, FAILING = "source-007", "source-013"
KEYS = KeyCredentials(SecretStr("DEMO-AK"), SecretStr("DEMO-SK"))


class Finished(Progress):
    """Counts the sources that are done, and says when all but the slow and the failing one are."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.sources: set[str] = set()
        self.others_are_done = threading.Event()

    def finish(self, source: str) -> None:
        self.sources.add(source)
        if len(self.sources - {"", SLOW, FAILING}) == self.count - 2:
            self.others_are_done.set()


class Clients:
    """Opens clients, and notes how many are open at once."""

    def __init__(self, finished: Finished) -> None:
        self.finished, self.limiters = finished, RateLimiters()
        self.lock, self.open, self.most = threading.Lock(), 0, 0

    def __call__(self, ready: ReadySource) -> CbrClient:
        client = CbrClient(ready.settings, ready.credentials, rate_limiters=self.limiters)
        self._count(1)
        closes = client.close
        client.close = partial(self._close, closes)  # type: ignore[method-assign]
        if ready.settings.name == SLOW:
            # Were any other source to wait for this one, it would wait for ever.
            assert self.finished.others_are_done.wait(240)
        return client

    def _close(self, closes: Any) -> None:
        self._count(-1)
        closes()

    def _count(self, change: int) -> None:
        with self.lock:
            self.open += change
            self.most = max(self.most, self.open)


def configure(source: Emulated) -> Settings:
    """The configuration of a source for each project, of which one is not the account's."""
    projects = [project for project in source.emulator.projects.listed if project.region]
    tables = [
        {
            "name": f"source-{number:03}",
            "endpoint": source.url,
            "project_id": "another" if f"source-{number:03}" == FAILING else project.id,
            "history": "1d",
            "timezone": "Asia/Tokyo" if number % 2 else "Europe/Berlin",
            "access_key": "env:AK",
            "secret_key": "env:SK",
        }
        for number, project in enumerate(projects)
    ]
    return Settings.model_validate({"sources": tables})


@pytest.mark.fault("isolation of sources")
def test_many_sources_are_loaded_a_few_at_a_time_beside_a_slow_and_a_failing_one(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two hundred of them under ``--kill-all``, which take a minute of CPU time."""
    count = 200 if request.config.getoption("--kill-all") else 20
    with emulated(now=None, is_frozen=False, tasks=3, days=1, projects=count) as source:
        finished = Finished(count)
        clients, settings = Clients(finished), configure(source)
        ready = [ReadySource(one, KEYS) for one in settings.sources]
        context = LoadContext(
            DataDirectory(tmp_path),
            read_contract(),
            lambda: datetime.now(UTC),
            uuid4,
            clients,
            settings.analytics,
            finished,
            sources_at_once=8,
        )
        result = load(context, ready, LoadRequest())
        truth = Counter[str]()
        for one in ready:
            if one.settings.name != FAILING:
                asked = {"project_id": one.settings.project_id}
                answer = httpx.get(f"{source.url}/__emulator/truth", params=asked, trust_env=False)
                truth[one.settings.name] += answer.json()["count"]
    outcomes = Counter(one.entry.outcome for one in result.sources)
    assert outcomes == {"done": count - 1, "failed": 1}
    (failed,) = (one for one in result.sources if one.entry.outcome == "failed")
    assert failed.entry.source == FAILING
    assert isinstance(failed.failure, ForbiddenError)
    assert clients.most <= 8
    stored = dict(query(tmp_path / "warehouse.duckdb", "SELECT source, count(*) FROM tasks GROUP BY 1").rows)
    assert stored == {name: count for name, count in truth.items() if count}
    looked_at = query(
        tmp_path / "warehouse.duckdb", "SELECT DISTINCT source FROM coverage WHERE checked_at IS NOT NULL"
    )
    assert {name for (name,) in looked_at.rows} == {one.settings.name for one in ready} - {FAILING}
    loads = query(tmp_path / "warehouse.duckdb", "SELECT source, count(*) FROM loads GROUP BY 1").rows
    assert dict(loads) == {one.settings.name: 1 for one in ready}
    zones = query(
        tmp_path / "warehouse.duckdb", "SELECT timezone, count(*) FROM analytics.source_clock GROUP BY 1"
    )
    assert dict(zones.rows) == {"Asia/Tokyo": count // 2, "Europe/Berlin": count // 2}
