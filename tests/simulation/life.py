"""One life: a data directory from its first load through weeks of trouble to a quiet end."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cbr_emulator.server import app
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.errors import LoadRunningError, SourceError, StorageError
from cbr_warehouse.extract.plan import Range
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.maintain import maintain
from cbr_warehouse.load.result import SourceResult
from cbr_warehouse.load.run import load, rebuild
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.storage.layout import DataDirectory
from simulation.clocks import Clocks
from simulation.directory_hash import directory_hash
from simulation.disk import Disk
from simulation.event_log import EventLog
from simulation.machine import Machine
from simulation.network import Weather
from simulation.planted_faults import planted
from simulation.published import Published, read_published
from simulation.replacement import replaced
from simulation.rot import Rot
from simulation.schedule import HOUR, Tick, draw_ticks
from simulation.seed import Seed
from simulation.site import Site, make_sites
from simulation.source import without_withheld
from simulation.threads import DeadlockError, KilledError, Pool
from simulation.truth import SLACK, DoneLoad
from simulation.whole_directory import check_integrity, check_loads, check_rebuild

ROOT = Path("data")
"""The data directory, relative to the folder of the life: no path of the machine gets into it."""

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MOST_JUMP = timedelta(hours=4)
"""By how much times are wrong of a load during which the machine's clock moves."""

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
        self._sites = tuple(make_sites(seed, self._clocks, self.log, span))
        self._disk = Disk(ROOT, seed.stream("disk"), self.log, lambda: self._clocks.machine().timestamp())
        self._machine = Machine(self._clocks, self._disk, seed.stream("machine"))
        self._rot = Rot(ROOT, seed.stream("rot"), self.log)
        self._jitter = seed.stream("jitter")
        self._ticks = draw_ticks(seed.stream("ticks"), seed.ticks)
        self._directory = DataDirectory(ROOT)
        self._contract = read_contract()
        self._steps = FIRST_STEPS
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        """Lives.

        Raises:
            AssertionError: The data directory is not as the truth of its sources requires.
        """
        ROOT.mkdir()
        sources = [site.source for site in self._sites]
        with (
            self._machine.installed(),
            replaced(app, "list_rows", lambda plain: without_withheld(plain, sources)),
        ):
            for number, tick in enumerate(self._ticks):
                self._clocks.advance(max(1.0, tick.pause))
                if tick.rot is not None and self._rot.strike(tick.rot):
                    self.counts["files damaged"] += 1
                self._do(tick)
                if number % 24 == 23:
                    self._check()
            self._end()

    def _end(self) -> None:
        """Last loads in quiet, after which everything must be right.

        A check comes first: a deep load mends what a wrong verdict would have left as it is.
        """
        self._check()
        for _ in range(3):  # what the first one complains of is restored, and the second one mends it
            self._clocks.advance(HOUR)
            self._do(Tick(pause=0.0, what="deep"))
            if self._rot.is_settled:
                break
        for published, site in self._check():
            site.truth.check_end(published)
        check_integrity(self._directory, self._contract, self._clocks.now())
        check_rebuild(self._directory, self._context)

    def _check(self) -> list[tuple[Published, Site]]:
        """Checks what is published of all sources."""
        if self._rot.is_being_mended:
            return []  # whoever reads it now meets the damage
        if not self._directory.warehouse.exists():
            done = [site.name for site in self._sites if site.truth.has_loaded]
            assert not done, f"a load of {done} ended well and nothing is published"
            return []
        found = [(read_published(self._directory.warehouse, site.name), site) for site in self._sites]
        for published, site in found:
            self.counts["compared"] += site.truth.check(published)
            check_loads(site.name, published)
        return found

    def _do(self, tick: Tick) -> None:
        self._clocks.skew = timedelta(seconds=tick.skew)
        for number, site in enumerate(self._sites):
            site.network.change(tick.weather if tick.hit in {None, number} else Weather())
            site.network.delivered = []
        self.log.note(f"{tick.what}, {tick}")
        is_load = tick.what not in {"maintain", "rebuild"}
        self.counts["loads" if is_load else tick.what] += len(self._sites) if is_load else 1
        self.counts["side by side"] += tick.beside is not None
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
        has_reason = not tick.is_quiet or tick.beside or self._rot.kind
        assert refusal is None or has_reason, f"{tick.what} failed with nothing in its way: {refusal}"
        if refusal is not None and self._rot.kind is not None:
            self._rot.restore()
        self._rot.end_tick()
        self.counts["requests"] += sum(site.network.requests for site in self._sites)
        self.counts["steps"] += self._disk.steps
        self.counts["disk full"] += self._disk.refused > 0

    def _prepare(self, tick: Tick) -> None:
        for site in self._sites:
            site.network.threads = self._machine.threads
        if tick.kill is not None:
            self._disk.kill_at = 1 + int(tick.kill * self._steps)
            self._disk.is_power_lost = tick.is_power_lost
        if tick.full is not None:
            self._disk.full_at = 1 + int(tick.full * self._steps)
            if tick.full_steps is not None:
                self._disk.full_until = self._disk.full_at + tick.full_steps

    def _process(self, tick: Tick, began_at: datetime) -> None:
        if tick.beside is None:
            self._work(tick, tick.what, began_at)
            return
        with Pool(self._machine.threads, 2) as pool:
            other = pool.submit(self._work, tick, tick.beside, began_at)
            own = pool.submit(self._work, tick, tick.what, began_at)
        for future in (other, own):
            if not isinstance(future.exception(), LoadRunningError):
                future.result()

    def _work(self, tick: Tick, what: str, began_at: datetime) -> None:
        context = self._context(self._directory)
        if what == "rebuild":
            rebuild(context)
        elif what == "maintain":
            list(maintain(context, {site.name: site.ready.settings for site in self._sites}))
        else:
            result = load(context, [site.ready for site in self._sites], self._request(what))
            sites = {site.name: site for site in self._sites}
            for source in result.sources:
                self._judge(source, sites[source.entry.source], tick, began_at)

    def _judge(self, source: SourceResult, site: Site, tick: Tick, began_at: datetime) -> None:
        entry = source.entry
        self.log.note(
            f"{site.name}: {entry.outcome} {entry.purpose} {entry.records} {entry.new} {entry.message}"
        )
        is_quiet = tick.full is None and tick.kill is None and site.network.weather == Weather()
        is_quiet = is_quiet and not tick.weather.clock_jumps
        if source.failure is not None:
            self.counts["failed"] += 1
            site.network.delivered = []
            expected = isinstance(source.failure, SourceError | StorageError)
            assert expected, f"the load failed with {source.failure!r}"
            has_reason = not is_quiet or self._rot.kind is not None
            assert has_reason, f"the load failed with nothing in its way: {entry.message}"
        else:
            self.counts["done"] += 1
            delivered, site.network.delivered = tuple(site.network.delivered), []
            slack = MOST_JUMP if tick.weather.clock_jumps else SLACK
            site.truth.note_done(DoneLoad(began_at, entry.purpose, delivered, site.source.withheld, slack))
            assert source.held_back is None or not is_quiet or self._rot.kind, source.held_back
        self._operate(source, is_quiet)

    def _operate(self, source: SourceResult, is_quiet: bool) -> None:
        """Restores what a load complains of; a deep load without complaint has verified everything."""
        if source.failure is not None or source.damage.beyond_reach or source.kept or self._rot.is_gone:
            self._rot.restore()
        elif source.entry.purpose == "deep" and is_quiet:
            self._rot.settle(source.entry.source)

    def _request(self, what: str) -> LoadRequest:
        if what != "range":
            return LoadRequest(deep=what == "deep")
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
        (network,) = (site.network for site in self._sites if site.name == ready.settings.name)
        return CbrClient(ready.settings, ready.credentials, runtime, transport=network)


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
            with planted(plant) if plant else nullcontext():
                life.run()
        except (Exception, DeadlockError) as error:  # noqa: BLE001  whatever it is: what the life was lived for
            course.failure = f"{type(error).__name__}: {error}"
            course.last = list(life.log.last)
        course.events = life.log.digest()
        course.directory = directory_hash(DataDirectory(ROOT))
        life.log.close()
    return course
