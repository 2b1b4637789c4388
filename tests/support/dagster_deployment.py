"""An installation whose sources respond from memory: the real client, without a network."""

import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import dagster as dg
import httpx
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.defs.asset_keys import raw_key, table_key
from cbr_warehouse.defs.build import build_location
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.partitions import partition_days
from cbr_warehouse.load.context import LoadContext
from cbr_warehouse.remote.place import directory_at
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.source.runtime import Runtime, Timeouts
from cbr_warehouse.tables.partition_writer import PARTITIONED
from support.present import midnight, now
from support.scripted_transport import ScriptedTransport

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def day(ago: int) -> date:
    """The UTC day a number of days ago; Dagster's partitions end with the real present."""
    return now().date() - timedelta(days=ago)


@dataclass
class Clock:
    """A clock set by the test."""

    now: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Api:
    """The API of one project, over records that a test adds. A handler of ``ScriptedTransport``.

    Attributes:
        clock: What is later than this is not there yet.
        records: The tasks.
        hidden: Ids that are counted but never listed.
        status: Answers every request when it is not 200.
        asked: Parameters of every list request.
    """

    clock: Clock
    records: list[dict[str, Any]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)

    def add(self, created_on: date, count: int = 1) -> None:
        """Adds tasks of a UTC day: at noon, which no other day's window reaches, or early today."""
        noon = datetime.combine(created_on, time(12), UTC)
        for number in range(count):
            begin = (noon if created_on < now().date() else midnight()) + timedelta(seconds=number)
            stamps = {
                key: begin.isoformat() for key in ("created_at", "started_at", "ended_at", "updated_at")
            }
            task = {"id": f"{created_on}-{number}", "status": "success", "operation_type": "backup"}
            self.records.append(task | stamps | {"extra_info": {"resource": {"id": "r", "name": "server"}}})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.status != 200:
            body = {"error_code": "BackupService.9900", "error_msg": "The system is busy."}
            return httpx.Response(self.status, json=body)
        task_id = request.url.path.partition("/operation-logs/")[2]
        if task_id:
            return self._show(task_id)
        wanted = dict(request.url.params)
        self.asked.append(wanted)
        found = [record for record in self.records if self._is_wanted(record, wanted)]
        shown = [record for record in found if record["id"] not in self.hidden]
        offset, limit = int(wanted["offset"]), int(wanted["limit"])
        body = {"count": len(found), "operation_logs": shown[offset : offset + limit]}
        return httpx.Response(200, content=json.dumps(body), headers={"Content-Type": "application/json"})

    def _show(self, task_id: str) -> httpx.Response:
        found = [record for record in self.records if record["id"] == task_id]
        if not found:
            return httpx.Response(
                404, json={"error_code": "BackupService.6251", "error_msg": "No such task."}
            )
        return httpx.Response(200, json={"operation_log": found[0]})

    def _is_wanted(self, record: dict[str, Any], wanted: dict[str, str]) -> bool:
        created = datetime.fromisoformat(record["created_at"])
        since, until = wanted.get("start_time"), wanted.get("end_time")
        return (
            created <= self.clock.now
            and (since is None or created >= datetime.fromisoformat(since))
            and (until is None or created <= datetime.fromisoformat(until))
            and wanted.get("status", record["status"]) == record["status"]
        )


@dataclass
class Deployment:
    """A configured place with its sources' APIs, and a Dagster instance of its own."""

    installation: Installation
    clock: Clock
    apis: dict[str, Api]
    instance: dg.DagsterInstance
    _built: dict[str, dg.Definitions] = field(default_factory=dict)

    @property
    def defs(self) -> dg.Definitions:
        """The code location as it is at this moment: one while what it is built from stays the same."""
        built_from = (
            self.installation.settings,
            sorted(self.installation.environ.items()),
            partition_days(self.installation),
        )
        if (key := repr(built_from)) not in self._built:
            self._built[key] = build_location(self.installation)
        return self._built[key]

    def run(self, source: str, days: list[date], *, job: str | None = None) -> dg.ExecuteInProcessResult:
        """Runs one source with tables and warehouse for some days, as a backfill does."""
        keys = [dg.AssetKey(["raw", source])]
        keys += [key for key in self.defs.resolve_all_asset_keys() if key.path[0] in ("tables", "warehouse")]
        return self.run_assets(keys, days, job=job)

    def run_assets(
        self,
        keys: list[dg.AssetKey],
        days: list[date],
        *,
        job: str | None = None,
        more_tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Runs assets for some days; a job's name runs them as that job does."""
        defs = self.defs
        chosen = defs.resolve_job_def(job) if job else defs.resolve_implicit_global_asset_job_def()
        first, last = min(days).isoformat(), max(days).isoformat()
        tags = {} if first == last else {RANGE_START: first, RANGE_END: last}
        return chosen.execute_in_process(
            instance=self.instance,
            asset_selection=keys,
            partition_key=None if tags else first,
            tags=tags | (more_tags or {}),
            raise_on_error=False,
        )

    def tick(self, source: str) -> dg.ExecuteInProcessResult:
        """The run requested by the schedule for a source now; it leaves the publication to ``publish``."""
        return self.run_assets(
            sorted(loaded(source)),
            [self.clock.now.date()],
            job="load",
            more_tags={"cbr-warehouse/source": source},
        )

    def publish(self, *, analytics: bool = True) -> dg.ExecuteInProcessResult:
        """The run requested by the sensor after the loads of a tick.

        Args:
            analytics: Whether to run the assets of the analytics too: half of the events of a run.
        """
        chosen = {"warehouse", "analytics"} if analytics else {"warehouse"}
        keys = [key for key in self.defs.resolve_all_asset_keys() if key.path[0] in chosen]
        job = self.defs.resolve_job_def("publish")
        return job.execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False)

    def recorded(self, *key: str) -> set[date]:
        """The days of an asset that are materialized in Dagster."""
        found = self.instance.get_materialized_partitions(dg.AssetKey(key))
        return {date.fromisoformat(partition) for partition in found}


def make_installation(data_dir: Path | str, clock: Clock, apis: dict[str, Api], **keys: Any) -> Installation:
    """An installation whose sources are these APIs, each of a project of its own."""
    alike = {"endpoint": "https://cbr.example.com", "token": "env:TOKEN", "history": "9d"}
    sources = [{"name": name, "project_id": uuid5(NAMESPACE_DNS, name).hex} | alike for name in apis]
    settings = Settings.model_validate({"data_dir": str(data_dir), "sources": sources, **keys})
    numbers = itertools.count()

    def connect(ready: ReadySource) -> CbrClient:
        return CbrClient(
            ready.settings,
            ready.credentials,
            Runtime(clock=clock, sleep=lambda _seconds: None),
            Timeouts(budget_seconds=0.05, contact_seconds=0.05),
            ScriptedTransport(apis[ready.settings.name]),
        )

    loading = LoadContext(
        directory_at(settings.data_dir, settings.cache_dir),
        read_contract(),
        clock,
        lambda: UUID(int=next(numbers) << 96),
        connect,
    )
    return Installation(settings, loading, {"TOKEN": "a-good-token"}, retry_delay_seconds=0)


def make_deployment(
    folder: Path, clock: Clock, instance: dg.DagsterInstance, *names: str, **keys: Any
) -> Deployment:
    """An installation in a folder with an empty API for each source, and an instance to run it."""
    apis = {name: Api(clock) for name in names}
    return Deployment(make_installation(folder / "data", clock, apis, **keys), clock, apis, instance)


def loaded(source: str) -> frozenset[dg.AssetKey]:
    """The assets that a run of the schedule selects."""
    return frozenset({raw_key(source), *map(table_key, PARTITIONED)})


def origin_of(location: str, job: str) -> RemoteJobOrigin:
    """What Dagster notes of a run that was launched from a code location of this name."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
    return RemoteJobOrigin(repository, job)


def begin_elsewhere(
    instance: dg.DagsterInstance, job: str, last: dg.DagsterEventType = dg.DagsterEventType.PIPELINE_START
) -> dg.DagsterRun:
    """A run of the code location ``theirs``, up to its last event."""
    run = create_run_for_test(instance, job, remote_job_origin=origin_of("theirs", job))
    kinds = [dg.DagsterEventType.PIPELINE_STARTING, dg.DagsterEventType.PIPELINE_START]
    for kind in dict.fromkeys([*kinds, last]):
        instance.report_dagster_event(dg.DagsterEvent(kind.value, job_name=job), run.run_id)
    return run
