"""A code server of Dagster and the processes that it takes for runs, as a program of its own.

Run: python -m support.forked_run [WHAT], with ``CBR_WAREHOUSE_CONFIG``; prints as JSON what such a process
observes, or a list:

* MODULE: the constant ``CHANGED`` of that module, before and after its file gets one;
* ``location NAME VALUE``: the code location; of a run that has this variable; and of one after the text LATER
  was appended to the configuration. The code server has it as it is, the runs with the text BEFORE_RUNS.
"""

import contextlib
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
from cbr_warehouse.errors import SettingsError


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


def observe_location(*words: Any) -> None:
    """What a run has of the code location when it begins, and which one it takes."""
    from dagster._core.definitions.reconstruct import ReconstructableRepository

    from cbr_warehouse.defs import build

    *variable, answers = words
    os.environ |= dict([variable] if variable else [])
    os.environ["OF_THIS_RUN"] = "yes"  # as Dagster sets one
    built = [one.definitions.get_repository_def() for one in build._latest]
    found: dict[str, Any] = {"built": len(built), "files": _open_files()}
    try:
        repository = ReconstructableRepository.for_module(
            "cbr_warehouse.definitions", "defs"
        ).get_definition()
    except SettingsError as error:
        answers.put(found | {"error": str(error)})
        return
    assets = [key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()]
    (latest,) = build._latest
    found |= {
        "is_the_built": [repository] == built,
        "raw": sorted(key for key in assets if key.startswith("raw/")),
        "data": str(latest.installation.load_context.directory.root),
        "sees_environment": latest.installation.environ.get("OF_THIS_RUN"),
    }
    answers.put(found)


def _open_files() -> list[str]:
    """Names of the files that this process has open, sockets and pipes aside."""
    found = []
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself
            found.append(str(number.readlink()))
    return sorted(name for name in found if name.startswith("/") and not name.startswith("/dev/"))


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
    if words[0] == "location":
        config = Path(os.environ["CBR_WAREHOUSE_CONFIG"])
        config.write_text(config.read_text(encoding="utf-8") + os.environ["BEFORE_RUNS"], encoding="utf-8")
        found = [_answer(server._mp_ctx, observe_location, *given) for given in ([], words[1:])]
        config.write_text(config.read_text(encoding="utf-8") + os.environ["LATER"], encoding="utf-8")
        found += [_answer(server._mp_ctx, observe_location)]
        sys.stdout.write(json.dumps(found))
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
