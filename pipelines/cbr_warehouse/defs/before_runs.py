"""What the process that runs are forked from does once for all of them; importing this module does it.

For the fork server of ``run_start`` alone, which can be given nothing but names of modules to import. Nothing
is left open: neither a thread nor a connection would be of use in a fork.
"""

import os
from contextlib import suppress
from functools import cache
from typing import Any

from dagster._core.storage import sql
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from cbr_warehouse.defs.build import build_once
from cbr_warehouse.defs.installation import read_installation
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.read import read_settings

_DIRECTORY = "ScriptDirectory"
_STORAGES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


def build_ahead() -> bool:
    """Builds the code location of this machine's configuration, with its jobs; says whether it did.

    A run reads its configuration all the same, and takes what was built only if it would build the same.
    """
    if not _is_local(read_settings(None, None, os.environ)):
        return False
    build_once(read_installation(os.environ)).get_repository_def().get_all_jobs()
    return True


def _is_local(settings: Settings) -> bool:
    """Whether what is built reads files of this machine alone: the client of a store has threads."""
    return (
        not isinstance(settings.data_dir, str) and settings.warehouse is None and settings.engine != "spark"
    )


def remember_migrations() -> bool:
    """Reads the migrations of Dagster's storage, which a run has then; says whether it did.

    Dagster executes the files of all of them, some fifty, for each database that a run opens, and again for
    the one of the run's own events, to learn which is the newest. Files of a library are those of the start
    of the code server for all else. Dagster has no setting for it: if it no longer looks them up like this,
    it reads them as before.
    """
    directory: Any = getattr(sql, _DIRECTORY, None)
    if directory is None:
        return False

    class Remembered(directory):  # type: ignore[misc]  # whose class is known when this is executed
        from_config = staticmethod(cache(directory.from_config))

    setattr(sql, _DIRECTORY, Remembered)
    for storage in _STORAGES:
        Remembered.from_config(sql.get_alembic_config(storage.__file__)).as_revision_number("head")
    return True


for _prepare in (remember_migrations, build_ahead):
    with suppress(Exception):  # else no run would start; each of them finds and reports it itself
        _prepare()
