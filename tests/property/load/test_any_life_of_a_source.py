"""Whatever happens between loads, one quiet deep load later the warehouse equals the source."""

import shutil
import signal
import tempfile
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.living_source import living
from support.load_bench import DIALECTS, Bench, load_until_killed

NOW = datetime(2026, 11, 20, 13, 37, 11, 500_000, UTC)


PROCESSES = get_context("forkserver")
# Imports shared by all killed loads: more than half of the time of one.
PROCESSES.set_forkserver_preload(["pyarrow.compute", "pyarrow.dataset", "cbr_warehouse.load.run"])


class Life(RuleBasedStateMachine):
    """A source under a random dialect lives; loads run, fail half-way, are killed and run again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bench: Bench | None = None
        self.random = Random(0)

    @initialize(
        name=st.sampled_from(sorted(DIALECTS)), seed=st.integers(0, 1000), pace=st.sampled_from([0, 5])
    )
    def begin(self, name: str, seed: int, pace: int) -> None:
        self.random = Random(-1 - seed)  # not the one that made the first ids
        source = living(NOW, seed, DIALECTS[name], pace=timedelta(seconds=pace))
        self.bench = Bench(self.folder, source)

    @rule(hours=st.sampled_from([0.1, 1, 9, 30, 80]), tasks=st.integers(0, 12), late=st.integers(0, 30))
    def time_passes(self, hours: float, tasks: int, late: int) -> None:
        assert self.bench
        source = self.bench.source
        for _ in range(tasks):
            created = source.now + timedelta(hours=self.random.uniform(-late, hours))
            # What appears only now cannot have been there when an earlier load looked.
            shown = timedelta(hours=self.random.uniform(0, late))
            source.add(self.random, created, late=max(shown, source.now - created))
        source.now += timedelta(hours=hours)

    @rule(deep=st.booleans())
    def load(self, *, deep: bool) -> None:
        assert self.bench
        self.bench.load(deep=deep)

    @rule(requests=st.integers(0, 30))
    def load_from_a_source_that_goes_away(self, requests: int) -> None:
        assert self.bench
        source = self.bench.source
        source.fails_after = source.requests_made + requests
        self.bench.load()
        source.fails_after = None

    @rule(writes=st.integers(0, 80))
    def load_is_killed(self, writes: int) -> None:
        assert self.bench
        killed = PROCESSES.Process(target=load_until_killed, args=(self.folder, self.bench.source, writes))
        killed.start()
        killed.join()
        assert killed.exitcode in {0, -signal.SIGKILL}

    @invariant()
    def nothing_false_is_held(self) -> None:
        if self.bench is None or not self.bench.directory.warehouse.exists():
            return
        known = {task.id: task for task in self.bench.source.tasks}
        for task_id, (status, created_at, *_) in self.bench.held().items():
            task = known[task_id]
            assert created_at == task.created_at
            assert status in {"waiting", "running", task.outcome}

    @invariant()
    def no_complete_day_lacks_what_was_there_when_it_was_proved(self) -> None:
        if self.bench is None or not self.bench.directory.warehouse.exists():
            return
        held = self.bench.held().keys()
        proved = dict(self.bench.ask("SELECT day, checked_at FROM coverage WHERE state = 'complete'"))
        for task in self.bench.source.tasks:
            checked_at = proved.get(task.created_at.date())
            if checked_at is not None and task.visible_from <= checked_at - timedelta(minutes=30):
                assert task.id in held or self._had_expired(task.created_at), task

    def _had_expired(self, created_at: datetime) -> bool:
        assert self.bench
        return created_at < self.bench.source.now - self.bench.source.dialect.retention

    def teardown(self) -> None:
        if self.bench is not None:
            self.bench.source.pace = timedelta()
            self.bench.load(deep=True)
            since = (self.bench.source.now - timedelta(days=6)).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            truth, held = self.bench.truth(since), self.bench.held()
            assert {task_id: held.get(task_id) for task_id in truth} == truth
        shutil.rmtree(self.folder)


LIVES = settings.default.max_examples // 10
"""``--hypothesis-profile many`` makes them two hundred."""

TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=LIVES,
    stateful_step_count=6,
    deadline=None,
    derandomize=LIVES == 10,  # the same ten lives in every run; others, and more of them, by the flag
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # each step is a load: shrinking takes longer than reading
    suppress_health_check=list(HealthCheck),
)
