"""Runs the emulator: binds the port, says where it listens, serves until it is told to stop."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import FrameType

import uvicorn

from cbr_emulator.clock import Clock, parse_time
from cbr_emulator.dialect.late_and_edited import Living
from cbr_emulator.dialect.settings import Dialect, read_dialect
from cbr_emulator.dialect.undocumented_values import with_undocumented
from cbr_emulator.errors import EmulatorOptionError
from cbr_emulator.estate.episodes import Episode
from cbr_emulator.estate.generate import lay_out
from cbr_emulator.faults.injector import Faults
from cbr_emulator.faults.options import read_fault_options
from cbr_emulator.server.app import Emulator
from cbr_emulator.server.auth import PROJECT, VALIDITY, Tokens
from cbr_emulator.server.record_store import EstateRecords, FileRecords, Served

STOPS = (signal.SIGTERM, signal.SIGINT)
"""What tells the emulator to end."""


@dataclass(frozen=True)
class Options:
    """What the command line says; its help tells what each means."""

    port: int = 8080
    tasks: int = 50_000
    days: int = 30
    seed: int = 1
    records: Path | None = None
    dialect: Sequence[str] = ()
    fault: Sequence[str] = ()
    now: str | None = None
    is_frozen: bool = False


def serve(options: Options) -> None:
    """Serves until SIGTERM or SIGINT; prints the base URL on stdout once connections are accepted.

    Args:
        options: What to serve, and how.

    Raises:
        EmulatorOptionError: An option cannot be carried out.
    """
    for sent in STOPS:
        signal.signal(sent, _leave)  # until the server listens to them itself
    settled = _settle(options)
    with _bind(options.port) as listener:  # before the estate is laid out, which may take its time
        emulator = _make(options, settled)
        config = uvicorn.Config(
            emulator.application(),
            log_level="warning",
            access_log=False,
            lifespan="off",
            date_header=False,  # the emulator's clock may be wrong on purpose
            timeout_graceful_shutdown=1,  # an answer that stalls on purpose is not waited for
        )
        Server(config, emulator.faults.end_stalls).run(sockets=[listener])


class Server(uvicorn.Server):
    """Says where it listens once it does, and takes a signal for a wish, not for a death.

    Args:
        config: What to run.
        on_end: Called when it is told to end.
    """

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections, and prints the base URL."""
        await super().startup(sockets)
        for listener in sockets or ():
            print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201  # the one line on stdout

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what is under way."""
        self._on_end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends at the next turn; uvicorn's own way would raise the signal again afterwards."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


@dataclass(frozen=True)
class Settled:
    """What the options come to, before there is anything to serve."""

    now: datetime
    dialect: Dialect
    faults: Faults
    clock: Clock
    tokens: Tokens


def build(options: Options) -> Emulator:
    """Makes what is served.

    Raises:
        EmulatorOptionError: An option cannot be carried out.
    """
    return _make(options, _settle(options))


def _settle(options: Options) -> Settled:
    now = datetime.now(UTC) if options.now is None else parse_time(options.now)
    if now is None:
        raise EmulatorOptionError(f"--now {options.now}: not a time. Write it like 2026-01-31T12:00:00Z.")
    if not 1990 <= now.year <= 2200:
        raise EmulatorOptionError(
            f"--now {options.now}: not a year of backups. Choose one from 1990 to 2200."
        )
    dialect = Dialect() if options.records is None else replace(Dialect(), retention=None)
    dialect = read_dialect(options.dialect, dialect)
    if options.records is not None and (dialect.late or dialect.edited):
        raise EmulatorOptionError(
            f"--records {options.records}: a file's records stand as they are, so that none is late or "
            "edited. Leave out late and edited, or --records."
        )
    asked = read_fault_options(options.fault)
    faults = Faults(asked, asked.bad_records(options.seed), Random(options.seed), time.monotonic)
    begun = time.monotonic()
    clock = Clock(
        now,
        lambda: timedelta(seconds=0 if options.is_frozen else time.monotonic() - begun),
        skew=asked.skew,
    )
    return Settled(now, dialect, faults, clock, Tokens(asked.token_lasts or VALIDITY, asked.token_uses))


def _make(options: Options, settled: Settled) -> Emulator:
    dialect = settled.dialect
    served: Served
    episodes: list[Episode] = []
    if options.records is not None:
        served = FileRecords(options.records)
    else:
        estate = lay_out(options.tasks, options.days, options.seed, settled.now)
        print(f"emulator: {len(estate.tasks):,} tasks laid out", file=sys.stderr)  # noqa: T201
        estate = with_undocumented(estate, dialect, options.seed)
        living = Living(dialect, options.seed)
        episodes = sorted([*estate.episodes, *living.episodes(estate.tasks)], key=lambda one: one.begins_at)
        served = EstateRecords(estate, PROJECT, living if dialect.late or dialect.edited else None)
    return Emulator(served, tuple(episodes), dialect, settled.faults, settled.clock, settled.tokens)


def _leave(sig: int, frame: FrameType | None) -> None:
    del sig, frame
    raise SystemExit(0)


def _bind(port: int) -> socket.socket:
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
