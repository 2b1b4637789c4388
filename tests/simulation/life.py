"""One life: a data directory from its first load through weeks of trouble to a quiet end."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from cbr_emulator.server.auth import TOKEN
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import LoadRunningError, SourceError, StorageError
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.maintain import maintain
from cbr_warehouse.load.result import LoadResult
from cbr_warehouse.load.run import load, rebuild
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import Credentials, PasswordCredentials, TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.storage.layout import DataDirectory
from simulation.clocks import Clocks
from simulation.directory_hash import directory_hash
from simulation.disk import Disk
from simulation.event_log import EventLog
from simulation.machine import Machine
from simulation.network import Network
from simulation.planted_faults import PLANTED
from simulation.schedule import HOUR, Tick, draw_ticks
from simulation.seed import Seed
from simulation.source import HISTORY, make_source
from simulation.threads import DeadlockError, KilledError
from simulation.truth import DoneLoad, Truth

ROOT = Path("data")
"""The data directory, relative to the folder of the life: no path of the machine gets into it."""

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
FIRST_STEPS = 300
"""Steps of a load before there was one to count those of."""


@dataclass
class Course:
    """How a life went.

    Attributes:
        seed: Its seed.
        counts: What happened how often.
        failure: What was wrong; None where nothing was.
        events: Hash of all that happened, line by line.
        directory: Hash of the data directory at its end.
        last: The last lines before a failure.
    """

    seed: Seed
    counts: Counter[str] = field(default_factory=Counter)
    failure: str | None = None
    events: str = ""
    directory: str = ""
    last: list[str] = field(default_factory=list)


class Life:
    """One life.

    Args:
        seed: Its seed.
        log_path: Gets a line of everything that happens.
    """

    def __init__(self, seed: Seed, log_path: Path | None = None) -> None:
        span = timedelta(hours=seed.ticks + 48)
        self._random = seed.stream("life")
        self._clocks = Clocks(BEGIN + timedelta(seconds=self._random.uniform(0, 365 * 86400)))
        self.log = EventLog(self._clocks.now, log_path)
        self._source = make_source(seed, self._clocks, span)
        self._network = Network(self._source, self._clocks, seed.stream("network"), self.log)
        self._disk = Disk(ROOT, seed.stream("disk"), self.log, lambda: self._clocks.machine().timestamp())
        self._machine = Machine(self._clocks, self._disk, seed.stream("machine"))
        self._jitter = seed.stream("jitter")
        self._ticks = draw_ticks(seed.stream("ticks"), seed.ticks)
        self._contract = read_contract()
        self._ready = self._sign_in()
        self._steps = FIRST_STEPS
        self.counts: Counter[str] = Counter()
        self._truth = Truth(self._source, DataDirectory(ROOT), self._contract, self._clocks.now)

    def run(self) -> None:
        """Lives.

        Raises:
            AssertionError: The data directory is not as the source's truth requires.
        """
        ROOT.mkdir()
        with self._machine.installed():
            for number, tick in enumerate(self._ticks):
                self._clocks.advance(max(1.0, tick.pause))
                self._do(tick)
                if number % 24 == 23:
                    self._truth.check_published()
            self._end()

    def _end(self) -> None:
        """A last load in quiet, after which everything must be right."""
        self._clocks.advance(HOUR)
        self._do(Tick(pause=0.0, what="deep"))
        self.counts["compared"] += self._truth.check_all()
        self._truth.check_rebuild(self._context)

    def _do(self, tick: Tick) -> None:
        self._clocks.skew = timedelta(seconds=tick.skew)
        self._network.change(tick.weather)
        self._network.delivered = []
        self.log.note(f"{tick.what}, {tick}")
        self.counts[tick.what if tick.what in {"maintain", "rebuild"} else "loads"] += 1
        began_at = self._clocks.now()
        refusal = None
        try:
            self._machine.run(lambda: self._process(tick, began_at), prepare=lambda: self._prepare(tick))
        except KilledError:
            self.counts["power lost" if tick.is_power_lost else "killed"] += 1
        except (StorageError, SourceError, LoadRunningError) as error:
            refusal = str(error)
            self.log.note(f"refused: {error}")
            self.counts["failed"] += 1
        else:
            self._steps = max(100, self._disk.steps)
        assert refusal is None or not tick.is_quiet, f"{tick.what} failed with nothing in its way: {refusal}"
        self.counts["requests"] += self._network.requests
        self.counts["steps"] += self._disk.steps
        self.counts["disk full"] += self._disk.refused > 0

    def _prepare(self, tick: Tick) -> None:
        self._network.threads = self._machine.threads
        if tick.kill is not None:
            self._disk.kill_at = 1 + int(tick.kill * self._steps)
            self._disk.is_power_lost = tick.is_power_lost
        if tick.full is not None:
            self._disk.full_at = 1 + int(tick.full * self._steps)
            if tick.full_steps is not None:
                self._disk.full_until = self._disk.full_at + tick.full_steps

    def _process(self, tick: Tick, began_at: datetime) -> None:
        context = self._context(DataDirectory(ROOT))
        if tick.what == "rebuild":
            rebuild(context)
        elif tick.what == "maintain":
            list(maintain(context, {self._ready.settings.name: self._ready.settings}))
        else:
            result = load(context, [self._ready], self._request(tick))
            self._judge(result, tick, began_at)

    def _judge(self, result: LoadResult, tick: Tick, began_at: datetime) -> None:
        (source,) = result.sources
        entry = source.entry
        self.log.note(f"{entry.outcome} {entry.purpose} {entry.records} {entry.new} {entry.message}")
        if source.failure is not None:
            self.counts["failed"] += 1
            expected = isinstance(source.failure, SourceError | StorageError)
            assert expected, f"the load failed with {source.failure!r}"
            assert not tick.is_quiet, f"the load failed with nothing in its way: {entry.message}"
            return
        assert source.held_back is None or not tick.is_quiet, source.held_back
        self.counts["done"] += 1
        self._truth.note_done(DoneLoad(began_at, entry.purpose, tuple(self._network.delivered)))

    def _request(self, tick: Tick) -> LoadRequest:
        if tick.what != "range":
            return LoadRequest(deep=tick.what == "deep")
        until = self._clocks.now() - timedelta(hours=self._random.randrange(0, 100))
        return LoadRequest(range=Range(until - timedelta(hours=self._random.randrange(1, 60)), until))

    def _context(self, directory: DataDirectory) -> LoadContext:
        return LoadContext(
            directory, self._contract, self._clocks.machine, self._machine.new_id, self._connect
        )

    def _connect(self, ready: ReadySource) -> CbrClient:
        runtime = Runtime(
            self._clocks.machine,
            self._machine.sleep,
            self._clocks.monotonic,
            self._jitter,
        )
        return CbrClient(ready.settings, ready.credentials, runtime, transport=self._network)

    def _sign_in(self) -> ReadySource:
        values = {
            "name": "prod",
            "endpoint": "http://cbr.example",
            "project_id": "04f1829c788037ac2fb8c01eb2b04b95",
            "region": "eu-de",
            "history": f"{HISTORY.days}d",
        }
        credentials: Credentials
        if self._random.random() < 0.5:
            values["token"] = "env:TOKEN"
            credentials = TokenCredentials(SecretStr(TOKEN))
        else:
            iam = "http://iam.example"
            values |= {"iam_endpoint": iam, "username": "demo", "password": "env:WORD", "domain": "demo"}
            credentials = PasswordCredentials(iam, "demo", SecretStr("demo"), "demo")
        return ReadySource(SourceSettings.model_validate(values), credentials)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Makes a folder the working directory while the block runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def live(seed: Seed, folder: Path, log_path: Path | None = None, plant: str | None = None) -> Course:
    """Lives one life in an empty folder.

    Args:
        seed: Its seed.
        folder: Where the data directory is made.
        log_path: Gets a line of everything that happens.
        plant: Name of a fault to plant in the code under test, for the life to find.

    Returns:
        How it went, whatever went wrong.
    """
    course = Course(seed)
    with working_in(folder):
        life = Life(seed, log_path)
        course.counts = life.counts
        try:
            with PLANTED[plant]() if plant else nullcontext():
                life.run()
        except (Exception, DeadlockError) as error:  # noqa: BLE001  whatever it is: what the life was lived for
            course.failure = f"{type(error).__name__}: {error}"
            course.last = list(life.log.last)
        course.events = life.log.digest()
        course.directory = directory_hash(DataDirectory(ROOT))
        life.log.close()
    return course
