"""A code server of Dagster and the processes that it takes for runs, as a program of its own.

Run: python -m support.forked_run [MODULE], with ``CBR_WAREHOUSE_CONFIG``; prints as JSON what such a process
observes, or with MODULE, the constant ``CHANGED`` of that module before and after its file gets one.
"""

import importlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from cbr_warehouse.defs.run_start import LIBRARIES, OURS


def observe(answers: "Queue[dict[str, Any]]") -> None:
    """What a run finds when its process begins."""
    loaded = set(sys.modules)
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": np.arange(100_000)}), sink)  # all three use threads
    with duckdb.connect(config={"threads": 4}) as connection:
        query = "SELECT sum(i), count(DISTINCT i % 1000) FROM range(3_000_000) AS numbers (i)"
        counted = connection.execute(query).fetchone()
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    answers.put(
        {
            "parent": parent,
            "missing": sorted({*LIBRARIES, *OURS} - loaded),
            "sum": int(pq.read_table(sink.getvalue(), use_threads=True)["n"].to_numpy().sum()),
            "product": float(np.ones((300, 300)).dot(np.ones((300, 300)))[0, 0]),
            "counted": counted,
        }
    )


def observe_change(module: str, answers: "Queue[dict[str, Any]]") -> None:
    """What a run has of a module."""
    answers.put({"changed": getattr(importlib.import_module(module), "CHANGED", None)})


def main(*words: str) -> None:
    """Starts the server without a port, and processes from where it takes those of runs."""
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._grpc.server import DagsterApiServer

    server = DagsterApiServer(
        server_termination_event=threading.Event(),
        logger=logging.getLogger(__name__),
        server_threadpool_executor=None,  # type: ignore[arg-type]  # no request is made
        loadable_target_origin=LoadableTargetOrigin(module_name="cbr_warehouse.definitions"),
    )
    if not words:
        sys.stdout.write(json.dumps(_answer(server._mp_ctx, observe)))
        return
    found = [_answer(server._mp_ctx, observe_change, *words)]
    with Path(importlib.import_module(words[0]).__file__ or "").open("a", encoding="utf-8") as file:
        file.write("\nCHANGED = True\n")
    found += [_answer(server._mp_ctx, observe_change, *words)]
    sys.stdout.write(json.dumps([one["changed"] for one in found]))


def _answer(context: Any, observing: Callable[..., None], *words: str) -> dict[str, Any]:
    answers = context.Queue()
    process = context.Process(target=observing, args=[*words, answers])
    process.start()
    found: dict[str, Any] = answers.get(timeout=120)
    process.join()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
