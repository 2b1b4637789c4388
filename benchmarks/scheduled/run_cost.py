"""One run as the code server starts it, in a process of its own, with the seconds of CPU of its parts.

Run: python run_cost.py JOB SOURCE OUT, with DAGSTER_HOME and the configuration in the environment. JOB is
``load`` (the run of a tick for SOURCE) or ``publish``. Parts: imports of Dagster, the code location, what the
steps do (ours), and the rest of the run, which is Dagster's: its events, its plan, its storage.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OURS = {
    "load": (
        ("cbr_warehouse.load.source_load", "load_source"),
        ("cbr_warehouse.load.plan_source", "plan_source"),
        ("cbr_warehouse.tables.build", "make_tables"),
        ("cbr_warehouse.tables.build_state", "rows_made"),
        ("cbr_warehouse.tables.build_state", "made_at"),
        ("cbr_warehouse.raw.stored_records", "count_records"),
        # Of a load without news, which publishes itself.
        ("cbr_warehouse.warehouse.news", "has_news"),
        ("cbr_warehouse.load.publish", "build_and_mend"),
        ("cbr_warehouse.defs.quiet_loads", "examine_now"),
    ),
    "publish": (
        ("cbr_warehouse.load.publish", "build_and_mend"),
        ("cbr_warehouse.defs.warehouse", "check_all"),
        ("cbr_warehouse.defs.warehouse", "count_rows"),
        ("cbr_warehouse.defs.conditions", "examine"),
    ),
}
"""What the steps of a job call, by the module that they take it from."""


def main(job: str, source: str, out: str) -> None:
    """Runs the job and writes its cost."""
    began_at = time.time()
    import dagster as dg  # noqa: PLC0415  measured
    import dagster._grpc.server  # noqa: PLC0415  what the process of a run imports first

    imported = time.process_time()
    from dagster._core.definitions.reconstruct import ReconstructableRepository  # noqa: PLC0415

    repository = ReconstructableRepository.for_module("cbr_warehouse.definitions", "defs")
    definition = repository.get_definition()
    located = time.process_time()
    meter = Meter()
    for module, name in OURS[job]:
        meter.watch(module, name)
    chosen = {"load": {"tables"}, "publish": {"warehouse"}}[job]
    keys = [key for key in definition.asset_graph.get_all_asset_keys() if key.path[0] in chosen]
    keys += [dg.AssetKey(["raw", source])] if job == "load" else []
    tags = {"cbr-warehouse/source": source} if job == "load" else {}
    if job == "load":
        tags["dagster/partition"] = datetime.now(UTC).date().isoformat()
    with dg.DagsterInstance.get() as instance:
        result = dg.execute_job(
            repository.get_reconstructable_job(job), instance, tags=tags, asset_selection=keys
        )
        events = len(instance.all_logs(result.run_id))
    if not result.success:
        raise SystemExit(f"{job}: the run failed")
    total = time.process_time()
    found = {
        "imports": imported,
        "location": located - imported,
        "ours": meter.seconds,
        "dagster": total - located - meter.seconds,
        "total": total,
        "wall": time.time() - began_at,
        "events": events,
    }
    Path(out).write_text(json.dumps(found), encoding="utf-8")


class Meter:
    """Adds up the CPU of some functions, their imports included, and not twice where one calls another."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def watch(self, module: str, name: str) -> None:
        """Measures a function from now on."""
        with self._measured():
            place = importlib.import_module(module)
        setattr(place, name, self._wrapped(getattr(place, name)))

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **options: Any) -> Any:
            with self._measured():
                return function(*words, **options)

        return call

    @contextmanager
    def _measured(self) -> Iterator[None]:
        began = time.process_time()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.seconds += time.process_time() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
