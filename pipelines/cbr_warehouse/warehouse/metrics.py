"""The state of the warehouse and its sources as Prometheus metrics: what ``cbr-warehouse metrics`` writes.

Alert rules over them are in ``docs/prometheus-alerts.yaml``. Times are Unix seconds, as Prometheus expects:
an age is ``time()`` minus such a time, and stays right when the file is not written any more.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from cbr_warehouse import __version__
from cbr_warehouse.contract.api_facts import RETENTION
from cbr_warehouse.contract.day_state import DayState
from cbr_warehouse.raw.ledgers import LoadEntry, read_loads, read_loads_summary
from cbr_warehouse.storage.files import existing_folder, free_bytes_of
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.status import SourceStatus, read_status

PREFIX = "cbr_warehouse_"
OUTCOMES = ("done", "failed", "interrupted")

GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "info": ("The version that wrote these metrics.", ("version",)),
    "metrics_timestamp_seconds": ("When these metrics were written.", ()),
    "published_timestamp_seconds": ("When the published warehouse was last replaced; 0 where none is.", ()),
    "published_bytes": ("Size of the published warehouse.", ()),
    "free_bytes": ("Free space of the data directory's file system.", ()),
    "files": ("Files below a folder of the data directory.", ("folder",)),
    "bytes": ("Bytes of the files below a folder of the data directory.", ("folder",)),
    "tasks": ("Stored tasks.", ("source",)),
    "open_tasks": ("Stored tasks that have not ended.", ("source",)),
    "newest_task_timestamp_seconds": ("created_at of the newest stored task.", ("source",)),
    "newest_task_age_seconds": (
        "Age of the newest stored task when these metrics were written.",
        ("source",),
    ),
    "quarantined_records": ("Quarantined records that are not resolved.", ("source",)),
    "day_states": (
        "Days by state, today left out; reason is empty where there is none.",
        ("source", "state", "reason"),
    ),
    "retention_left_seconds": (
        "Seconds until the oldest day that is not complete begins to leave the source; absent if none.",
        ("source",),
    ),
    "last_load_timestamp_seconds": ("When the last load began.", ("source",)),
    "last_load_outcome": ("1 for the outcome of the last load, 0 for the others.", ("source", "outcome")),
    "last_load_duration_seconds": ("How long the last load that ended took.", ("source",)),
    "last_load_requests": ("Requests of the last load that ended.", ("source",)),
    "last_load_rate_limited_requests": ("Those of them that were rejected with 429.", ("source",)),
    "last_load_received_bytes": ("Bytes that the last load that ended received.", ("source",)),
    "last_load_records": ("Records that the last load that ended received.", ("source",)),
    "last_load_new_records": ("Those of them with a task that was not stored before.", ("source",)),
    "last_success_timestamp_seconds": ("When the last load that was done ended.", ("source",)),
}
"""Every metric: its help text and its labels."""


@dataclass(frozen=True)
class Sample:
    """One value of a metric.

    Attributes:
        name: Name of the metric, without the prefix.
        value: The value.
        labels: Values of its labels, in the order of ``GAUGES``.
    """

    name: str
    value: float
    labels: tuple[str, ...] = ()


def print_metrics(directory: DataDirectory, now: datetime) -> str:
    """All metrics in the text format of Prometheus.

    Args:
        directory: The data directory; nothing need have been loaded or published yet.
        now: The present, UTC.

    Raises:
        StorageError: A ledger or the directory cannot be read.
        WarehouseError: The published warehouse cannot be read.
    """
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(PREFIX + name, text, labels, registry=registry) for name, (text, labels) in GAUGES.items()
    }
    for sample in collect_samples(directory, now):
        gauge = gauges[sample.name]
        (gauge.labels(*sample.labels) if sample.labels else gauge).set(sample.value)
    return generate_latest(registry).decode()


def collect_samples(directory: DataDirectory, now: datetime) -> Iterator[Sample]:
    """The samples of all metrics; arguments and errors as of ``print_metrics``."""
    yield Sample("info", 1, (__version__,))
    yield Sample("metrics_timestamp_seconds", now.timestamp())
    yield from _of_disk(directory)
    if directory.warehouse.exists():
        for status in read_status(directory.warehouse, now - RETENTION):
            yield from _of_status(status, now)
    for source in directory.sources_with_raw():
        yield from _of_loads(source, _last_loads(directory, source))


def _of_disk(directory: DataDirectory) -> Iterator[Sample]:
    published = directory.warehouse.stat() if directory.warehouse.exists() else None
    yield Sample("published_timestamp_seconds", published.st_mtime if published else 0)
    yield Sample("published_bytes", published.st_size if published else 0)
    yield Sample("free_bytes", free_bytes_of(existing_folder(directory.root)))
    for folder in (directory.raw, directory.tables, directory.reports):
        sizes = list(_sizes(folder))
        yield Sample("files", len(sizes), (folder.name,))
        yield Sample("bytes", sum(sizes), (folder.name,))


def _sizes(folder: Path) -> Iterator[int]:
    """Sizes of all files below a folder; files that a load removes meanwhile are left out."""
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.stat(os.path.join(parent, name), follow_symlinks=False).st_size  # noqa: PTH116, PTH118
            except FileNotFoundError:
                continue


def _of_status(status: SourceStatus, now: datetime) -> Iterator[Sample]:
    label = (status.source,)
    yield Sample("tasks", status.tasks, label)
    yield Sample("open_tasks", status.open_tasks, label)
    yield Sample("quarantined_records", status.quarantined, label)
    if status.newest is not None:
        yield Sample("newest_task_timestamp_seconds", status.newest.timestamp(), label)
        yield Sample("newest_task_age_seconds", (now - status.newest).total_seconds(), label)
    if status.hours_left is not None:
        yield Sample("retention_left_seconds", status.hours_left * 3600, label)
    yield Sample("day_states", status.complete, (status.source, DayState.COMPLETE.value, ""))
    for state in (DayState.INCOMPLETE, DayState.UNVERIFIED, DayState.LOST):
        found = [one for one in status.not_complete if one.state == state]
        # Always there, so that an alert sees a rise from 0.
        for reason, days in {"": 0, **{one.reason or "": one.days for one in found}}.items():
            yield Sample("day_states", days, (status.source, state.value, reason))


def _last_loads(directory: DataDirectory, source: str) -> Iterable[LoadEntry]:
    """The last load that was done, and those after it: what came before is not read."""
    done = read_loads_summary(directory, source).last_done
    return [*filter(None, [done]), *read_loads(directory, source, after=done.load_id if done else None)]


def _of_loads(source: str, loads: Iterable[LoadEntry]) -> Iterator[Sample]:
    last = ended = done = None
    for load in loads:
        last = load
        ended = load if load.finished_at else ended
        done = load if load.outcome == "done" else done
    if last is None:
        return
    yield Sample("last_load_timestamp_seconds", last.started_at.timestamp(), (source,))
    for outcome in OUTCOMES:
        yield Sample("last_load_outcome", float(last.outcome == outcome), (source, outcome))
    if done is not None and done.finished_at is not None:
        yield Sample("last_success_timestamp_seconds", done.finished_at.timestamp(), (source,))
    if ended is None or ended.finished_at is None:
        return
    yield Sample(
        "last_load_duration_seconds", (ended.finished_at - ended.started_at).total_seconds(), (source,)
    )
    numbers = {
        "last_load_requests": ended.requests,
        "last_load_rate_limited_requests": ended.rate_limited,
        "last_load_received_bytes": ended.received_bytes,
        "last_load_records": ended.records,
        "last_load_new_records": ended.new,
    }
    for name, value in numbers.items():
        if value is not None:
            yield Sample(name, value, (source,))
