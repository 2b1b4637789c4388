"""A code server of Dagster and the process that it takes for a run, as a program of its own.

Run: python -m support.forked_run, with ``CBR_WAREHOUSE_CONFIG``; prints what that process observes as JSON.
"""

import json
import logging
import os
import sys
import threading
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from cbr_warehouse.defs.run_start import IMPORTED


def observe(answers: "Queue[dict[str, Any]]") -> None:
    """What a run finds when its process begins."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": np.arange(100_000)}), sink)  # both use threads
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    answers.put(
        {
            "parent": parent,
            "imported": sorted(set(IMPORTED) & set(sys.modules)),
            "ours": sorted(name for name in sys.modules if name.startswith("cbr_warehouse.defs.build")),
            "has_duckdb": "duckdb" in sys.modules,
            "sum": int(pq.read_table(sink.getvalue(), use_threads=True)["n"].to_numpy().sum()),
            "product": float(np.ones((300, 300)).dot(np.ones((300, 300)))[0, 0]),
        }
    )


def main() -> None:
    """Starts the server without a port, and one process from where it takes those of runs."""
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._grpc.server import DagsterApiServer

    server = DagsterApiServer(
        server_termination_event=threading.Event(),
        logger=logging.getLogger(__name__),
        server_threadpool_executor=None,  # type: ignore[arg-type]  # no request is made
        loadable_target_origin=LoadableTargetOrigin(module_name="cbr_warehouse.definitions"),
    )
    context = server._mp_ctx
    answers = context.Queue()
    process = context.Process(target=observe, args=[answers])
    process.start()
    sys.stdout.write(json.dumps(answers.get(timeout=120)))
    process.join()


if __name__ == "__main__":
    main()
