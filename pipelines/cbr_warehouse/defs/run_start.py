"""Forks the processes of runs from one that has imported Dagster and this package.

Dagster's code server starts each run in a new interpreter, and a load without news spends half of its CPU on
imports. Here the fork server of ``multiprocessing`` takes its place: a process that has imported what runs
need and built the code location, and does nothing else. A run is a process of its own as before: it reads the
configuration itself, builds the code location itself if that gives another one, and nothing that another run
does reaches it.

A run has this package as it is on the disk: if any of its files is not what it was when the code server
started, as after an upgrade or a developer's change, the fork imports the package anew.

Dagster has no setting for it: where its server takes processes from is a private attribute. If Dagster no
longer has it, runs start as Dagster starts them. Only for Linux: Windows does not fork, and on macOS a fork
is unsafe once system libraries were used.
"""

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from multiprocessing import current_process
from multiprocessing.context import BaseContext, ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from cbr_warehouse.contract.load_schemas import schemas_folder

_SERVER = "dagster._grpc.server"
_SERVICER = "DagsterApiServer"
_CONTEXT = "_mp_ctx"
_PACKAGE = __name__.partition(".")[0]

LIBRARIES = (
    _SERVER,
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.event_log",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.root",
    "dagster._core.storage.runs",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.secrets.env_file",
    "dagster._core.system_config.composite_descent",
    "upath.implementations.local",
    "httpx",
    "httpcore",
    "tenacity",
    "msgspec",
    "numpy.ma",
    "dateutil.relativedelta",
    "encodings.idna",
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pyarrow.fs",
)
"""What the fork server imports of libraries.

A fork does not have the threads of its parent. numpy's OpenBLAS and pyarrow's jemalloc start one each and
begin them again in a fork by handlers of their own. duckdb, which comes with this package, starts those of a
database that its import opens; nothing here uses that one, and each database that a run opens has its own.
"""

OURS = (
    "cbr_warehouse.definitions",
    "cbr_warehouse.defs.build",
    "cbr_warehouse.defs.run_start",
    "cbr_warehouse.load.plan_source",
    "cbr_warehouse.load.publish",
    "cbr_warehouse.load.source_load",
    "cbr_warehouse.tables.build",
    "cbr_warehouse.warehouse.news",
    "cbr_warehouse.defs.before_runs",
)
"""What it imports of this package: the code location, what the steps of a load import, what it does once."""


def fork_runs() -> bool:
    """Lets this process, if it is a code server, fork its runs; says whether it will."""
    servicer = getattr(sys.modules.get(_SERVER), _SERVICER, None)
    if servicer is None or isinstance(current_process(), RunProcess):  # a run starts none
        return False
    _state_at_start()
    context = _Context()
    context.set_forkserver_preload([*LIBRARIES, *OURS])
    setattr(servicer, _CONTEXT, _Fixed(context))
    return True


class RunProcess(ForkServerProcess):
    """The process of a run."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self._package = _state_at_start()

    def run(self) -> None:
        """What Dagster has it do, with this package as it is on the disk."""
        # Else each garbage collection writes to, and so copies, all that was imported before the fork.
        gc.freeze()
        if self._package is None or package_state() != self._package:
            _forget_package()
        super().run()


def package_state() -> str | None:
    """A digest of the paths, times of change and sizes of the files of this package and of its schemas.

    None if they could not be read: while it is upgraded, files come and go.
    """
    try:
        found = sorted(_package_files())
    except OSError:
        return None
    return sha256(repr(found).encode()).hexdigest()


def _package_files() -> Iterator[tuple[str, int, int]]:
    # In a checkout the schemas are beside the package; in it, they are found twice.
    folders = [str(Path(__file__).parents[1]), str(schemas_folder())]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if not entry.is_dir():
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size
                elif entry.name != "__pycache__":
                    folders.append(entry.path)


@cache
def _state_at_start() -> str | None:
    """The state of the package before the fork server, which the first run starts, imports it."""
    return package_state()


def _forget_package() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    importlib.invalidate_caches()


class _Context(ForkServerContext):
    Process = RunProcess


class _Fixed:
    """A class attribute that its instances cannot replace: the server of this process has set its own."""

    def __init__(self, context: BaseContext) -> None:
        self._context = context

    def __get__(self, instance: object, owner: type) -> BaseContext:
        return self._context

    def __set__(self, instance: object, value: BaseContext) -> None:
        """Keeps the context."""
