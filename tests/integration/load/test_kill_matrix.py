"""Killed with SIGKILL at any step, a load leaves a whole warehouse, and the next load ends where it should.

A bounded choice of steps; ``--kill-all`` tries every single one, which takes about an hour.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx
import pytest

from support.emulator_server import serve
from support.killed_load import Attempt, Step
from support.warehouse_hashes import hashes

pytestmark = pytest.mark.fault("killed processes")

NOW = datetime(2026, 11, 20, 13, 37, tzinfo=UTC)

DECISIVE = (
    "after sweep_providers",
    "half written: raw/records",
    "before rename: raw/records",
    "after rename: raw/records",
    "after rename: raw/manifests",
    "before write_sweep",
    "after rename: raw/sweeps",
    "before SQL of tables: COPY",
    "after rename: tables/tasks",
    "before note_made",
    "after write_moved",
    "before write_audit",
    "after rename: raw/audits",
    "after rename: raw/loads",
    "after copy_file",
    "before SQL of warehouse: COMMIT",
    "before SQL of warehouse: CHECKPOINT",
    "after check_days",
    "before rename: warehouse",
    "after rename: warehouse",
    "after build_warehouse",
)
"""Steps whose last occurrence is always tried: between them a load's state changes in kind."""

EVERY = 26
"""Of all other kinds of step, every so manieth is tried too."""


@dataclass(frozen=True)
class Scene:
    """A load about to be killed: the source, and what was held before.

    Attributes:
        name: What the load is.
        folder: Where to work.
        endpoint: The source.
        base: The data directory before the load.
        now: When it begins.
        steps: The steps of an undisturbed load.
        before: Content of the warehouse before it, by table; empty where there was none.
        after: The same after it.
        seconds: How long it takes, its process included.
    """

    name: str
    folder: Path
    endpoint: str
    base: Path
    now: datetime
    steps: tuple[Step, ...]
    before: dict[str, str]
    after: dict[str, str]
    seconds: float

    def attempt(self, data: Path, minutes: int = 0, **kill: object) -> Attempt:
        """A load into a copy of the base."""
        now = self.now + timedelta(minutes=minutes)
        return Attempt(data, self.endpoint, now, self.folder / "steps.log", **kill)  # type: ignore[arg-type]  # passed on

    def copy(self) -> Path:
        """A fresh copy of the base."""
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.base, data)
        return data


@pytest.fixture(scope="module", params=["first load", "later load"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("kills")
    base, quiet = folder / "base", folder / "quiet"
    base.mkdir()
    is_later = request.param == "later load"
    estate = ("--tasks", "300", "--days", "3", "--seed", "5", "--now", NOW.isoformat(), "--freeze")
    with serve(*estate) as url:
        now = NOW
        if is_later:
            Attempt(base, url, now, folder / "steps.log").run()
            now += timedelta(hours=30)
            httpx.post(f"{url}/__emulator/clock", json={"advance": "30h"}).raise_for_status()
        shutil.copytree(base, quiet)
        began = time.monotonic()
        steps = Attempt(quiet, url, now + timedelta(minutes=9), folder / "steps.log").run().steps
        seconds = time.monotonic() - began
        before = hashes(base / "warehouse.duckdb") if is_later else {}
        after = hashes(quiet / "warehouse.duckdb")
        yield Scene(request.param, folder, url, base, now, steps, before, after, seconds)


@pytest.mark.timeout(4 * 3600)  # each load has a limit of its own; --kill-all makes 2,500 of them
def test_killed_at_any_step_nothing_is_lost(
    scene: Scene, request: pytest.FixtureRequest, proved: Callable[..., None]
) -> None:
    chosen = scene.steps if request.config.getoption("--kill-all") else chosen_steps(scene)
    assert len(chosen) > 10
    killed = lost = 0
    for step in chosen:
        data = scene.copy()
        ended = scene.attempt(data, kill_at=step).run()
        assert_whole(scene, data, step)
        killed += ended.killed
        scene.attempt(data, minutes=9).run()
        lost += count_differing(scene, data)
        assert lost == 0, f"killed at {step}"
        assert not list(data.rglob(".part-*"))
    assert killed > 0.9 * len(chosen)  # which thread lands what first varies, so a few steps may not come
    checked = len(chosen) * len(scene.after)
    what = f"at a named step of a {scene.name}, then one quiet load"
    proved("kill -9", what, times=killed, checked=checked, unit="table hashes", lost=lost)


@pytest.mark.timeout(3600)
def test_killed_at_random_instants_again_and_again_nothing_is_lost(
    scene: Scene, request: pytest.FixtureRequest, proved: Callable[..., None]
) -> None:
    random = Random(7)
    rounds = 60 if request.config.getoption("--kill-all") else 3
    kills = lost = 0
    seconds = scene.seconds
    for _ in range(rounds):
        data = scene.copy()
        for minutes in range(3):
            ended = scene.attempt(data, minutes, kill_after=random.uniform(0, seconds)).run()
            kills += ended.killed
            assert_whole(scene, data, ended.steps[-1:])
        began = time.monotonic()
        scene.attempt(data, minutes=9).run()
        seconds = min(seconds, time.monotonic() - began)  # the first one may have met a busy machine
        lost += count_differing(scene, data)
    assert kills >= rounds
    what = f"at random instants of a {scene.name}, up to 3 in a row, then one quiet load"
    checked = rounds * len(scene.after)
    proved("kill -9", what, times=kills, checked=checked, unit="table hashes", lost=lost)


def chosen_steps(scene: Scene) -> list[Step]:
    """The last of every other decisive kind, and the first of every so manieth kind besides."""
    last = dict(scene.steps)
    first = 1 if scene.before else 0  # so that the two scenes try all of them together
    decisive = [name for name in DECISIVE if name in last][first::2]
    others = sorted(name for name in last if name not in DECISIVE)[first::EVERY]
    return [(name, last[name]) for name in decisive] + [(name, 1) for name in others]


def count_differing(scene: Scene, data: Path) -> int:
    """Tables whose content is not that of the undisturbed load."""
    found = hashes(data / "warehouse.duckdb")
    return sum(found.get(table) != content for table, content in scene.after.items())


def assert_whole(scene: Scene, data: Path, step: object) -> None:
    """What is published is what was published before the load, or what is after it, nothing between."""
    published = data / "warehouse.duckdb"
    if published.exists() or scene.before:
        assert hashes(published) in (scene.before, scene.after), f"killed at {step}"
