"""A load in a process of its own that kills itself at a chosen step, every step of it numbered.

The code under test has no hooks: its functions are wrapped here by name, in the load's own
process. A name that is gone makes the load fail, and with it every test that counts steps.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

import cbr_warehouse.storage.atomic_write as whole_room
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.run import load
from cbr_warehouse.settings.model import SourceSettings
from cbr_warehouse.settings.resolve_credentials import TokenCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime
from cbr_warehouse.storage.layout import DataDirectory
from support.frugal import few_views, no_comments

PHASES = {
    "cbr_warehouse.load.source_load": (
        "sweep_providers",
        "make_tables",
        "verify_days",
        "write_audit",
        "write_load",
    ),
    "cbr_warehouse.load.publish": ("build_warehouse",),
    "cbr_warehouse.extract.sweep_runner": ("write_sweep",),
    "cbr_warehouse.warehouse.build": ("copy_file",),
    "cbr_warehouse.warehouse.update": ("replace_partitions", "replace_ledger_rows", "check_days", "bring_up"),
    "cbr_warehouse.tables.build": ("write_moved", "note_made"),
}
"""Functions that count as a step, by the calling module."""

ENGINES = {"cbr_warehouse.tables.build": "open_engine", "cbr_warehouse.warehouse.build": "open_engine"}
"""Functions that open DuckDB, by module; each statement is a step."""

_processes = get_context("forkserver")
# Imports shared by all loads: half of a load's time.
_processes.set_forkserver_preload(
    ["pytest", "pandas", "pyarrow.compute", "pyarrow.dataset", "cbr_warehouse.load.run"]
)


Step = tuple[str, int]
"""A step: its name, and its number among steps of that name, from 1."""


@dataclass(frozen=True)
class Ended:
    """A load that ended.

    Attributes:
        steps: The steps it reached, in order; the last one is where it was killed.
        killed: Whether it was.
    """

    steps: tuple[Step, ...]
    killed: bool


@dataclass(frozen=True)
class Attempt:
    """One load.

    Attributes:
        folder: The data directory.
        endpoint: Where the source is.
        now: The present of the load.
        log: Gets the name of each step as it is reached.
        kill_at: Step to be killed at: its name, and the how manieth of that name, from 1.
        kill_after: Seconds after which it is killed from outside.
        history: How far back a first load goes.
        has_simulated_dates: Whether the source's Date headers are of ``now`` too, not the machine's.
    """

    folder: Path
    endpoint: str
    now: datetime
    log: Path
    kill_at: Step | None = None
    kill_after: float | None = None
    history: str = "4d"
    has_simulated_dates: bool = False

    def start(self) -> BaseProcess:
        """Starts the load in a process of its own."""
        self.log.unlink(missing_ok=True)
        process = _processes.Process(target=_load, args=(self,))
        process.start()
        return process

    def run(self) -> Ended:
        """Runs the load to completion. It must succeed unless killed."""
        process = self.start()
        process.join(self.kill_after or 120)
        process.kill()
        process.join()
        names = self.log.read_text().splitlines() if self.log.exists() else []
        killed = process.exitcode == -signal.SIGKILL
        assert process.exitcode == 0 or killed, f"ended with {process.exitcode} after {names[-3:]}"
        assert not killed or self.kill_at or self.kill_after, f"took too long, after {names[-3:]}"
        return Ended(tuple(_numbered(names)), killed)


def _numbered(names: list[str]) -> Iterator[Step]:
    reached: Counter[str] = Counter()
    for name in names:
        reached[name] += 1
        yield name, reached[name]


def _load(attempt: Attempt) -> None:
    """Runs in the load's process."""
    for module, name, value in (*no_comments(), *few_views()):  # nearly half of a first load
        setattr(module, name, value)
    steps = _Steps(attempt)
    _wrap_files(steps, attempt.folder)
    for module, names in PHASES.items():
        for name in names:
            _wrap(steps, module, name)
    for module, name in ENGINES.items():
        _wrap_engine(steps, module, name)
    settings = SourceSettings.model_validate(
        {"name": "prod", "endpoint": attempt.endpoint, "project_id": "04f1829c788037ac2fb8c01eb2b04b95"}
        | {"region": "eu-de", "token": "env:X", "history": attempt.history}
    )
    runtime = Runtime(clock=lambda: attempt.now) if attempt.has_simulated_dates else Runtime()
    loading = LoadContext(
        DataDirectory(attempt.folder),
        read_contract(),
        lambda: attempt.now,
        uuid4,
        lambda ready: CbrClient(ready.settings, ready.credentials, runtime),
    )
    ready = ReadySource(settings, TokenCredentials(SecretStr("demo-token")))
    report = load(loading, [ready], LoadRequest())
    assert report.exit_status(strict=False) == 0, report


class _Steps:
    """Counts steps, logs each, and dies at the chosen one. Shared by the load's threads."""

    def __init__(self, attempt: Attempt) -> None:
        self._kill_at = attempt.kill_at
        self._log = os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._reached: Counter[str] = Counter()
        self._lock = Lock()

    def reach(self, name: str) -> None:
        """A step is reached."""
        with self._lock:
            self._reached[name] += 1
            os.write(self._log, f"{name}\n".encode())
            if (name, self._reached[name]) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # the signal may take a moment; no further step is reached


def _wrap(steps: _Steps, module: str, name: str) -> None:
    room = import_module(module)
    plain = getattr(room, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        steps.reach(f"before {name.lstrip('_')}")
        value = plain(*args, **named)
        steps.reach(f"after {name.lstrip('_')}")
        return value

    setattr(room, name, wrapped)


def _wrap_files(steps: _Steps, folder: Path) -> None:
    """Each write is cut in halves; each rename, sync and removal has a before and an after."""
    replace, unlink, sync = Path.replace, Path.unlink, whole_room._sync

    def write(path: Path, content: bytes) -> None:
        with path.open("wb") as sink:
            sink.write(content[: len(content) // 2])
            sink.flush()
            steps.reach(f"half written: {_kind(folder, path)}")
            sink.write(content[len(content) // 2 :])

    def around(what: str, path: Path, action: Callable[[], Any]) -> Any:
        steps.reach(f"before {what}: {_kind(folder, path)}")
        value = action()
        steps.reach(f"after {what}: {_kind(folder, path)}")
        return value

    def write_text(path: Path, text: str, encoding: str | None = None) -> int:
        write(path, text.encode(encoding or "utf-8"))
        return len(text)

    def write_bytes(path: Path, content: bytes) -> int:
        write(path, content)
        return len(content)

    def unlink_existing(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            around("removal", path, lambda: unlink(path))
        else:
            unlink(path, missing_ok=missing_ok)

    class_of: Any = Path
    class_of.replace = lambda path, target: around("rename", target, lambda: replace(path, target))
    class_of.unlink = unlink_existing
    class_of.write_text = write_text
    class_of.write_bytes = write_bytes
    whole_room._sync = lambda path: around("sync", path, lambda: sync(path))


def _kind(folder: Path, path: Path) -> str:
    """Kind of a file: its folder in the layout."""
    parts = [part for part in path.relative_to(folder).parts if "=" not in part]
    return "/".join(parts[:2]) if len(parts) > 1 and parts[0] in {"raw", "tables"} else "warehouse"


def _wrap_engine(steps: _Steps, module: str, name: str) -> None:
    room = import_module(module)
    plain = getattr(room, name)
    kind = module.split(".")[1]

    @contextmanager
    def wrapped(*args: Any, **named: Any) -> Iterator[Any]:
        with plain(*args, **named) as connection:
            yield _Connection(
                connection, lambda sql: steps.reach(f"before SQL of {kind}: {_first_words(sql)}")
            )
        steps.reach(f"after SQL of {kind}: closed")

    setattr(room, name, wrapped)


class _Connection:
    """A DuckDB connection that reports each statement before it runs."""

    def __init__(self, plain: Any, say: Callable[[str], None]) -> None:
        self._plain = plain
        self._say = say

    def execute(self, sql: str, *args: Any) -> Any:
        self._say(sql)
        return self._plain.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def _first_words(sql: str) -> str:
    return " ".join(sql.split()[:2]).split("(")[0]
