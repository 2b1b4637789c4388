"""Dagster's store in files, without what repeats for each event, run or instance, and no wait for the disk.

Dagster opens a file of SQLite for each statement and closes it again, which moves its write-ahead log
into it; each commit waits for the disk, and each run and instance makes all tables one by one. That is
most of what a run costs in a test. Here each file stays open until its test ends, and new files are copies of
the first of their kind.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from support.frugal import Replacement

MODULES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
"""Those that open files."""


class OpenFiles:
    """The files that Dagster has opened in this process."""

    def __init__(self) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._scripts: dict[str | None, ScriptDirectory] = {}
        self._new_file: bytes | None = None

    def close(self) -> None:
        """Closes all of them; those that are used again are opened again."""
        for engine in self._engines.values():
            engine.pool.dispose()
        self._engines.clear()

    def replacements(self) -> Iterator[Replacement]:
        """What Dagster calls, and what it gets instead."""
        for module in MODULES:
            yield module, "create_engine", partial(self._engine, sqlalchemy.create_engine)
        yield ScriptDirectory, "from_config", partial(self._read_scripts, ScriptDirectory.from_config)
        storage = sqlite_event_log.SqliteEventLogStorage
        original = storage._initdb

        def make_tables(
            store: sqlite_event_log.SqliteEventLogStorage,
            engine: sqlalchemy.Engine,
            for_index_shard: bool = False,
        ) -> None:
            self._make_tables(partial(original, store), engine, for_index_shard=for_index_shard)

        yield storage, "_initdb", make_tables

    def _engine(
        self, create: Callable[..., sqlalchemy.Engine], url: str, **options: Any
    ) -> sqlalchemy.Engine:
        """The engine of a file, which keeps its connections, unless the file was removed meanwhile."""
        known = self._engines.get(url)
        if known is not None and _file_of(known).exists():
            return known
        if known is not None:
            known.pool.dispose()
        engine = create(url, **options | {"poolclass": sqlalchemy.QueuePool})
        sqlalchemy.event.listen(engine, "connect", _wait_for_no_disk)
        engine.dispose = _stay_open  # type: ignore[method-assign]  # called after each statement
        self._engines[url] = engine
        return engine

    def _make_tables(
        self, make: Callable[..., None], engine: sqlalchemy.Engine, *, for_index_shard: bool
    ) -> None:
        """Makes the tables of a file of events: that of a run, or the index of all."""
        path = _file_of(engine)
        if for_index_shard or path.exists():
            make(engine, for_index_shard)
        elif self._new_file is None:
            make(engine)
            with engine.connect() as connection:
                file = connection.connection.driver_connection
                assert isinstance(file, sqlite3.Connection)
                self._new_file = file.serialize()
        else:
            path.write_bytes(self._new_file)

    def _read_scripts(self, read: Callable[[Config], ScriptDirectory], config: Config) -> ScriptDirectory:
        """All migrations that there are; Dagster reads them for the file of each run."""
        place = config.get_main_option("script_location")
        if place not in self._scripts:
            self._scripts[place] = read(config)
        return self._scripts[place]


FILES = OpenFiles()
"""Those of this process; closed before files are copied or replaced."""


def make_instance_files(folder: Path) -> None:
    """Makes the files of an instance without runs, to be copied to those of tests."""
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        assert instance.get_runs_count() == 0
        assert not instance.all_instigator_state()


def open_instance(folder: Path, files: Path) -> dg.DagsterInstance:
    """An instance of a folder that does not exist yet.

    Args:
        folder: Of the instance.
        files: What ``make_instance_files`` made.
    """
    shutil.copytree(files, folder)
    return dg.DagsterInstance.local_temp(str(folder))


def _file_of(engine: sqlalchemy.Engine) -> Path:
    return Path(engine.url.database or "")


def _stay_open(*, close: bool = True) -> None:
    """In place of ``Engine.dispose``."""


def _wait_for_no_disk(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
