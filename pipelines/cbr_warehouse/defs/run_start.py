"""Forks the processes of runs from one that has imported Dagster.

Dagster's code server starts each run in a new interpreter, and a load without news spends a third of its CPU
on importing Dagster and its storage. Here the fork server of ``multiprocessing`` takes its place: a process
that has imported them, and does nothing else. A run is a process of its own as before: it imports this
package and reads the configuration itself, and nothing that another run does reaches it.

Dagster has no setting for it: where its server takes processes from is a private attribute. If Dagster no
longer has it, or the system has no fork server, runs start as Dagster starts them.
"""

import multiprocessing
import sys
from multiprocessing.context import BaseContext

_SERVER = "dagster._grpc.server"
_SERVICER = "DagsterApiServer"
_CONTEXT = "_mp_ctx"

IMPORTED = (
    _SERVER,
    "dagster._core.storage.event_log",
    "dagster._core.storage.runs",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.secrets.env_file",
    "upath.implementations.local",
    "httpx",
    "httpcore",
    "tenacity",
    "msgspec",
    "numpy",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pyarrow.fs",
)
"""What the fork server imports, but nothing of this package, so that a run has it as it is.

A fork does not have the threads of its parent. numpy's OpenBLAS and pyarrow's jemalloc start one each and
begin them again in a fork by handlers of their own. duckdb is left out: its import opens a connection, whose
threads would be missing.
"""


def fork_runs() -> bool:
    """Lets this process, if it is a code server, fork its runs; says whether it will."""
    servicer = getattr(sys.modules.get(_SERVER), _SERVICER, None)
    # On Windows nothing forks, and on macOS a fork is unsafe once system libraries were used.
    if servicer is None or sys.platform != "linux":
        return False
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    setattr(servicer, _CONTEXT, _Fixed(context))
    return True


class _Fixed:
    """A class attribute that its instances cannot replace: the server of this process has set its own."""

    def __init__(self, context: BaseContext) -> None:
        self._context = context

    def __get__(self, instance: object, owner: type) -> BaseContext:
        return self._context

    def __set__(self, instance: object, value: BaseContext) -> None:
        """Keeps the context."""
