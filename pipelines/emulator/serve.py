"""Runs the emulator: binds the port, says where it listens, serves until it is told to stop."""

import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import uvicorn

from pipelines.emulator.application import Emulator
from pipelines.emulator.clock import Clock, parse_time
from pipelines.emulator.dialect import Dialect, read_dialect
from pipelines.emulator.faults import read_faults
from pipelines.emulator.layout import lay_out
from pipelines.emulator.records import EstateRecords, FileRecords
from pipelines.emulator.sign_in import PROJECT
from pipelines.errors import UsageError


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
        UsageError: An option cannot be carried out.
    """
    emulator = build(options)
    listener = _bind(options.port)
    config = uvicorn.Config(
        emulator.application(),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,  # an answer that stalls on purpose is not waited for
    )
    with listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201  # the one line on stdout
        uvicorn.Server(config).run(sockets=[listener])


def build(options: Options) -> Emulator:
    """Makes what is served.

    Raises:
        UsageError: An option cannot be carried out.
    """
    now = datetime.now(UTC) if options.now is None else parse_time(options.now)
    if now is None:
        raise UsageError(f"--now {options.now}: not a time. Write it like 2026-01-31T12:00:00Z.")
    if not 1990 <= now.year <= 2200:
        raise UsageError(f"--now {options.now}: not a year of backups. Choose one from 1990 to 2200.")
    dialect = Dialect() if options.records is None else replace(Dialect(), retention=None)
    dialect = read_dialect(options.dialect, dialect)
    faults = read_faults(options.fault, Random(options.seed), time.monotonic)
    begun = time.monotonic()
    clock = Clock(now, lambda: timedelta(seconds=0 if options.is_frozen else time.monotonic() - begun))
    if options.records is not None:
        return Emulator(FileRecords(options.records), (), dialect, faults, clock)
    estate = lay_out(options.tasks, options.days, options.seed, now)
    print(f"emulator: {len(estate.tasks):,} tasks laid out", file=sys.stderr)  # noqa: T201
    return Emulator(EstateRecords(estate, PROJECT), estate.episodes, dialect, faults, clock)


def _bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}). "
            "Choose another with --port, or --port 0 for any free one."
        ) from error
    return listener
