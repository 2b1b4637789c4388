"""The disk of a life: every change to the data directory is a step at which it may fail or the process die.

The code under test has no hooks: what it calls is replaced here by name, and a name that is gone fails. A
killed process leaves the data directory as it is at that step; what its blocks still do while they end
concerns a folder that is then thrown away.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from simulation.durability import Durability
from simulation.event_log import EventLog
from simulation.replacement import replaced
from simulation.threads import KilledError, Threads
from support.killed_load import ENGINES, PHASES

WRITING = ("COPY", "INSERT", "CREATE", "UPDATE", "DELETE", "COMMIT", "CHECKPOINT", "ATTACH", "DETACH")
"""First words of statements that a full disk refuses."""


class Disk:
    """The disk below a data directory.

    Args:
        root: The data directory, relative to the working directory.
        random: What a loss of power takes.
        log: Gets a line of each step.

    Attributes:
        threads: The threads of the process that writes.
        steps: Steps since the process began.
        kill_at: Step at which the process dies; None for never.
        is_power_lost: Whether the whole machine goes down then.
        full_at: Step from which the disk is full; None for never.
        full_until: Step from which it no longer is.
        refused: Writes that the full disk refused.
        now: Time stamp for files that a killed process leaves.
    """

    def __init__(self, root: Path, random: Random, log: EventLog, now: Callable[[], float]) -> None:
        self.root = root
        self._random = random
        self._log = log
        self._now = now
        self._durability = Durability(root, root.with_name("durable"))
        self._survivor = root.with_name("survivor")
        self.threads: Threads | None = None
        self.is_watched = False
        self.steps = 0
        self.kill_at: int | None = None
        self.is_power_lost = False
        self.full_at: int | None = None
        self.full_until: int | None = None
        self.refused = 0

    def begin(self, threads: Threads) -> None:
        """A process begins."""
        self.threads, self.is_watched = threads, True
        self.steps = self.refused = 0
        self.kill_at = self.full_at = self.full_until = None
        self.is_power_lost = False
        self._durability.sync_all()

    def end(self) -> None:
        """The process has ended; where it was killed, only what it left at that step remains."""
        self.is_watched = False
        if self._survivor.exists():
            shutil.rmtree(self.root)
            self._survivor.replace(self.root)

    def reach(self, what: str) -> None:
        """A step is reached."""
        assert self.threads
        if self.threads.is_killed:
            raise KilledError
        self.steps += 1
        self._log.note(what)
        if self.steps == self.kill_at:
            self._kill()

    def write(self, what: str) -> None:
        """A step is reached that needs room on the disk.

        Raises:
            OSError: There is none.
        """
        self.reach(what)
        if self.is_full:
            self.refused += 1
            self._log.note("the disk is full")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @property
    def is_full(self) -> bool:
        """Whether a write fails now."""
        after = self.full_at is not None and self.steps >= self.full_at
        return after and (self.full_until is None or self.steps < self.full_until)

    def _kill(self) -> None:
        assert self.threads
        self.threads.is_killed = True
        if self.is_power_lost:
            lost = self._durability.lose(self._survivor, self._random)
            self._log.note(f"the machine loses power; {lost} files are not as they were")
        else:
            shutil.copytree(self.root, self._survivor, symlinks=True)
            self._log.note("the process is killed")
        for path in self._survivor.rglob(".part-*"):
            os.utime(path, (self._now(), self._now()))
        raise KilledError

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Makes steps of all that the warehouse does to files, while the block runs."""
        with ExitStack() as stack:
            for place, name, substitute in self._file_functions():
                stack.enter_context(replaced(place, name, substitute))
            for module, names in PHASES.items():
                for name in names:
                    stack.enter_context(replaced(import_module(module), name, self._phase(name)))
            for module, name in ENGINES.items():
                stack.enter_context(replaced(import_module(module), name, self._engine(module)))
            yield

    def _file_functions(self) -> Iterator[tuple[Any, str, Callable[[Any], Any]]]:
        atomic_write = import_module("cbr_warehouse.storage.atomic_write")
        yield Path, "replace", self._rename
        yield Path, "unlink", self._removal
        yield Path, "mkdir", self._folder
        yield os, "fsync", self._sync
        yield atomic_write, "_write_all", self._whole_write
        yield import_module("cbr_warehouse.raw.compaction"), "_write", self._parquet_write

    def _kind(self, path: Path) -> str | None:
        """The kind of a file of the data directory: its folders but those of a source and day."""
        if not self.is_watched:
            return None
        text = os.fspath(path)
        if text.startswith("/"):
            text = os.path.relpath(text)
        folder, *rest = text.split("/")
        if folder != self.root.name:
            return None
        return "/".join(part for part in rest[:-1] if "=" not in part) or "warehouse"

    def _rename(self, plain: Any) -> Any:
        def rename(path: Path, target: Path) -> Any:
            if (kind := self._kind(target)) is not None:
                self.reach(f"before rename: {kind}")
            moved = plain(path, target)
            if kind is not None:
                self.reach(f"after rename: {kind}")
            return moved

        return rename

    def _removal(self, plain: Any) -> Any:
        def unlink(path: Path, missing_ok: bool = False) -> None:
            if (kind := self._kind(path)) is not None and path.exists():
                self.reach(f"before removal: {kind}")
            plain(path, missing_ok=missing_ok)

        return unlink

    def _folder(self, plain: Any) -> Any:
        def mkdir(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
            if (kind := self._kind(path)) is not None and not path.exists():
                self.write(f"new folder: {kind}")
            plain(path, mode, parents, exist_ok)

        return mkdir

    def _sync(self, plain: Any) -> Any:
        def fsync(handle: int) -> None:
            path = Path(f"/proc/self/fd/{handle}").readlink()
            if (kind := self._kind(path / "entry" if path.is_dir() else path)) is None:
                return
            self.write(f"before sync: {kind}")
            if path.is_dir():
                self._durability.sync_folder(path)
            else:
                self._durability.sync_file(path)

        return fsync

    def _whole_write(self, plain: Any) -> Any:
        def write_all(path: Path, content: bytes) -> None:
            half = len(content) // 2
            plain(path, content[:half])
            self.write(f"half written: {self._kind(path)}")
            with path.open("ab") as sink:
                sink.write(content[half:])

        return write_all

    def _parquet_write(self, plain: Any) -> Any:
        def write(target: Path, *args: Any) -> None:
            self.write(f"before writing: {self._kind(target)}")
            plain(target, *args)
            self.reach(f"after writing: {self._kind(target)}")

        return write

    def _phase(self, name: str) -> Callable[[Any], Any]:
        def phase(plain: Any) -> Any:
            def wrapped(*args: Any, **named: Any) -> Any:
                self.reach(f"before {name}")
                value = plain(*args, **named)
                self.reach(f"after {name}")
                return value

            return wrapped

        return phase

    def _engine(self, module: str) -> Callable[[Any], Any]:
        kind = module.split(".")[1]

        def engine(plain: Any) -> Any:
            @contextmanager
            def opened(*args: Any, **named: Any) -> Iterator[Any]:
                with plain(*args, **named) as connection:
                    yield _Connection(connection, lambda sql: self._statement(kind, sql))

            return opened

        return engine

    def _statement(self, kind: str, sql: str) -> None:
        words = " ".join(sql.split()[:2]).split("(")[0]
        if not words.startswith(WRITING):
            self.reach(f"before SQL of {kind}: {words}")
            return
        try:
            self.write(f"before SQL of {kind}: {words}")
        except OSError as error:
            raise duckdb.IOException(f'Could not write file "x": {error.strerror}') from error


class _Connection:
    """A DuckDB connection that reports each statement before it runs."""

    def __init__(self, plain: Any, report: Callable[[str], None]) -> None:
        self._plain = plain
        self._report = report

    def execute(self, sql: str, *args: Any) -> Any:
        self._report(sql)
        return self._plain.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)
