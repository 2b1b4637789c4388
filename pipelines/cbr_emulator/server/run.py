"""Runs the emulator: binds the port, prints the base URL and serves until SIGTERM or SIGINT."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType

import uvicorn

from cbr_emulator.clock import Clock, parse_time
from cbr_emulator.dialect.late_and_edited import TaskChanges
from cbr_emulator.dialect.settings import Dialect, parse_dialect
from cbr_emulator.dialect.undocumented_values import with_undocumented
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.faults.injector import Faults
from cbr_emulator.faults.options import parse_fault_options
from cbr_emulator.server.app import Emulator
from cbr_emulator.server.auth import PROJECT, VALIDITY, Tokens
from cbr_emulator.server.projects import REGIONS, Project, Projects, Served, name_projects
from cbr_emulator.server.record_store import EstateRecords, FileRecords

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Options:
    """Options of the command line; ``cbr-warehouse emulator --help`` describes them."""

    port: int = 8080
    tasks: int = 50_000
    days: int = 30
    seed: int = 1
    records: Path | None = None
    dialect: Sequence[str] = ()
    fault: Sequence[str] = ()
    now: str | None = None
    is_frozen: bool = False
    projects: int = 1
    has_signals: bool = False


def serve(options: Options) -> None:
    """Serves until SIGTERM or SIGINT; prints the base URL on stdout once connections are accepted.

    Args:
        options: What to serve, and how.

    Raises:
        EmulatorOptionError: An option cannot be carried out.
    """
    for sent in STOP_SIGNALS:
        signal.signal(sent, _exit)  # until uvicorn installs its own handlers
    with bind(options.port) as listener:  # first, since generating may take seconds
        emulator = build_emulator(options)
        config = uvicorn.Config(
            emulator.application(),
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,  # the application sends the emulator's own time
            timeout_graceful_shutdown=1,  # stalled responses are not waited for
        )
        Server(config, emulator.faults.end_stalls).run(sockets=[listener])


class Server(uvicorn.Server):
    """Prints the base URL once connections are accepted; a signal ends it with status 0.

    Args:
        config: uvicorn's configuration.
        on_end: Called when the shutdown begins.
    """

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections and prints the base URL."""
        await super().startup(sockets)
        for listener in sockets or ():
            print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201  # the one line on stdout

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends open requests."""
        self._on_end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the shutdown; uvicorn's own method would raise the signal again afterwards."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def build_emulator(options: Options) -> Emulator:
    """Creates the application for the given options.

    Raises:
        EmulatorOptionError: An option is invalid.
    """
    now = _present(options)
    dialect = _dialect(options)
    fault_options = parse_fault_options(options.fault)
    faults = Faults(
        fault_options, fault_options.bad_records(options.seed), Random(options.seed), time.monotonic
    )
    projects = Projects(name_projects(options.projects), partial(_records, options, dialect, now))
    records, episodes = _records(options, dialect, now, Project(PROJECT, REGIONS[0]))
    begun = time.monotonic()
    clock = Clock(
        now,
        lambda: timedelta(seconds=0 if options.is_frozen else time.monotonic() - begun),
        skew=fault_options.skew,
    )
    tokens = Tokens(fault_options.token_lasts or VALIDITY, fault_options.token_uses)
    return Emulator(records, episodes, projects, dialect, faults, clock, tokens)


def bind(port: int) -> socket.socket:
    """Opens the listening socket on 127.0.0.1.

    Args:
        port: The port; 0 for any free one.

    Raises:
        EmulatorOptionError: The port cannot be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise EmulatorOptionError(
            f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}). "
            "Choose another with --port, or --port 0 for any free one."
        ) from error
    return listener


def _present(options: Options) -> datetime:
    now = datetime.now(UTC) if options.now is None else parse_time(options.now)
    if now is None:
        raise EmulatorOptionError(f"--now {options.now}: not a time. Write it like 2026-01-31T12:00:00Z.")
    if not 1990 <= now.year <= 2200:
        raise EmulatorOptionError(f"--now {options.now}: out of range. Choose a year from 1990 to 2200.")
    return now


def _dialect(options: Options) -> Dialect:
    default = Dialect() if options.records is None else replace(Dialect(), retention=None)
    dialect = parse_dialect(options.dialect, default)
    if options.records is not None and (dialect.late or dialect.edited):
        raise EmulatorOptionError(
            f"--records {options.records}: records of a file never appear late or change. "
            "Leave out late and edited, or --records."
        )
    return dialect


def _records(options: Options, dialect: Dialect, now: datetime, project: Project) -> Served:
    """The records of a project, and its episodes; each project has an estate of its own."""
    if options.records is not None:
        return FileRecords(options.records), ()
    seed = options.seed if project.id == PROJECT else options.seed + int(project.id[:8], 16)
    estate = generate_estate(options.tasks, options.days, seed, now, has_signals=options.has_signals)
    if project.id == PROJECT:
        print(f"emulator: {len(estate.tasks):,} tasks generated", file=sys.stderr)  # noqa: T201
    estate = with_undocumented(estate, dialect, seed)
    changes = TaskChanges(dialect, seed)
    episodes = sorted([*estate.episodes, *changes.episodes(estate.tasks)], key=lambda one: one.begins_at)
    records = EstateRecords(estate, project.id, changes if dialect.late or dialect.edited else None)
    return records, tuple(episodes)


def _exit(sig: int, frame: FrameType | None) -> None:
    del sig, frame
    raise SystemExit(0)
