"""Hosts of one deployment of Dagster, on this machine: a daemon with its code server, and workers of Celery.

Each has a folder, a DAGSTER_HOME and a configuration of its own, and is a session of processes, so that a
host can be killed at once. They share PostgreSQL, Redis, and what their configurations name.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.remote_representation.external import RemoteJob
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from cbr_warehouse.defs.asset_keys import SOURCE_TAG
from cbr_warehouse.tables.partition_writer import PARTITIONED
from support.local_ports import free_port, is_open
from support.postgresql import postgresql

BIN = Path(sys.executable).parent
PASSWORD = "password-of-the-database"
LOCATION = "cbr-warehouse"
MODULE = "cbr_warehouse.definitions"
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
SOON = {
    "poll_interval_seconds: 30": "poll_interval_seconds: 1",
    "free_slots_after_run_end_seconds: 60": "free_slots_after_run_end_seconds: 1",
    "start_timeout_seconds: 300": "start_timeout_seconds: 120",
    "silent_seconds: 30": "silent_seconds: 10",
}
"""The shipped settings with shorter times, but long enough for a busy machine with one worker alive.

Everything else is as ``dagster-home`` writes it.
"""


def wait_for(is_so: Callable[[], Any], seconds: float = 120.0, what: str = "it") -> Any:
    """Waits until something is so, and gives what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.1)
    return found


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Runs a Redis without files, and gives its URL."""
    port = free_port()
    words = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_open(port), what="the start of Redis")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


@dataclass
class Host:
    """A host: a folder, and the processes that were started in it.

    Attributes:
        name: Its name.
        folder: The working directory of its processes.
        environ: Their environment.
    """

    name: str
    folder: Path
    environ: dict[str, str]
    _running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def configuration(self) -> Path:
        """Its configuration file."""
        return self.folder / "cbr-warehouse.toml"

    @property
    def is_running(self) -> bool:
        """Whether it has processes."""
        return bool(self._running)

    def start(self, *words: str) -> None:
        """Starts a process; its output goes to the folder."""
        with (self.folder / f"{Path(words[0]).name}.log").open("ab") as log:
            command = [str(BIN / words[0]), *words[1:]]
            self._running.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=self.environ,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def start_worker(self) -> None:
        """Starts a worker with one place, as docs/workers.md has it."""
        self.start(
            "celery",
            "--app=cbr_warehouse.workers.celery_app",
            "worker",
            "--concurrency=1",
            f"--hostname={self.name}@%h",
        )

    def kill(self) -> None:
        """Kills all its processes at once, as a host that loses its power."""
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def logs(self) -> str:
        """The end of what its processes printed."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))


@dataclass
class Hosts:
    """The hosts of a deployment.

    Attributes:
        control: The one with daemon and code server.
        workers: Those with workers.
        instance: Dagster's instance, as this process sees it.
        port: The port of the code server.
    """

    control: Host
    workers: list[Host]
    instance: dg.DagsterInstance
    port: int

    def configure(self, sources: Sequence[dict[str, Any]], data_dir: Callable[[Host], object]) -> None:
        """Writes the configuration of every host; a run reads it when it begins."""
        for host in (self.control, *self.workers):
            lines = [f"data_dir = {json.dumps(str(data_dir(host)))}"]
            for source in sources:
                lines += ["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in source.items())]
            host.configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self) -> None:
        """Starts everything."""
        address = ("--host", "127.0.0.1", "--port", str(self.port))
        self.control.start(
            "dagster", "api", "grpc", *address, "--module-name", MODULE, "--location-name", LOCATION
        )
        for worker in self.workers:
            worker.start_worker()
        wait_for(lambda: is_open(self.port), what="the start of the code server")
        workspace = self.control.folder / "workspace.yaml"
        server = f"{{host: 127.0.0.1, port: {self.port}, location_name: {LOCATION}}}"
        workspace.write_text(f"load_from:\n  - grpc_server: {server}\n", encoding="utf-8")
        self.control.start("dagster-daemon", "run", "--workspace", str(workspace))

    def start_dead_workers(self) -> None:
        """Starts the workers of hosts that were killed."""
        for worker in self.workers:
            if not worker.is_running:
                worker.start_worker()

    def load(self, sources: Sequence[str], *, is_scheduled: bool = True) -> list[str]:
        """Requests the runs that a tick of the schedule requests, and gives their ids.

        Args:
            sources: Names of the sources.
            is_scheduled: Whether they have the tag of the schedule, so that a publication follows them.
        """
        target = GrpcServerTarget(host="127.0.0.1", port=self.port, socket=None, location_name=LOCATION)
        with WorkspaceProcessContext(self.instance, target) as process:
            context = process.create_request_context()
            location = context.get_code_location(LOCATION)
            (repository,) = location.get_repositories().values()
            run_ids = []
            for source in sources:
                keys = [dg.AssetKey(["raw", source]), *(dg.AssetKey(["tables", one]) for one in PARTITIONED)]
                job = location.get_job(
                    JobSubsetSelector(LOCATION, repository.name, "load", None, asset_selection=keys)
                )
                tags = {"dagster/partition": datetime.now(UTC).date().isoformat()}
                tags |= {SOURCE_TAG: source} if is_scheduled else {}
                run_ids.append(self._create(job, repository, location, keys, tags))
                self.instance.submit_run(run_ids[-1], context)
        return run_ids

    def _create(
        self, job: RemoteJob, repository: Any, location: Any, keys: list[dg.AssetKey], tags: dict[str, str]
    ) -> str:
        plan = location.get_execution_plan(job, {}, step_keys_to_execute=None, known_state=None)
        run = self.instance.create_run(
            job_name=job.name,
            run_id=None,
            run_config={},
            resolved_op_selection=job.resolved_op_selection,
            step_keys_to_execute=None,
            op_selection=None,
            status=dg.DagsterRunStatus.NOT_STARTED,
            root_run_id=None,
            parent_run_id=None,
            tags={**job.run_tags, **tags},
            job_snapshot=job.job_snapshot,
            execution_plan_snapshot=plan.execution_plan_snapshot,
            parent_job_snapshot=job.parent_job_snapshot,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
            asset_selection=frozenset(keys),
            asset_check_selection=None,
            asset_graph=repository.asset_graph,
        )
        return run.run_id

    def loading(self) -> dict[str, tuple[Host, int]]:
        """The worker and the process of each run of a load that has begun, by id."""
        found = {}
        filters = dg.RunsFilter(job_name="load", statuses=[dg.DagsterRunStatus.STARTED])
        launcher: Any = self.instance.run_launcher
        for run in self.instance.get_runs(filters):
            task = launcher.celery.AsyncResult(run.tags.get(DAGSTER_CELERY_TASK_ID_TAG, ""))
            if isinstance(task.info, dict) and "pid" in task.info:
                name = task.info["hostname"].partition("@")[0]
                (host,) = (one for one in self.workers if one.name == name)
                found[run.run_id] = (host, int(task.info["pid"]))
        return found

    def unfinished(self) -> list[dg.DagsterRun]:
        """Runs that have not ended, and failed ones that Dagster starts again or has not decided on yet."""
        return _unfinished(self.instance.get_runs())

    def has_loaded(self, sources: Sequence[str]) -> bool:
        """Whether the newest run of each source was successful."""
        newest = {}
        for run in self.instance.get_runs(dg.RunsFilter(job_name="load")):
            newest.setdefault(run.tags.get(SOURCE_TAG), run.status)
        return all(newest.get(source) is dg.DagsterRunStatus.SUCCESS for source in sources)

    def ended(self) -> list[dg.DagsterRun]:
        """All runs in order, as soon as they have ended.

        From one reading: the daemon may create the next one at any moment, as for a load that ended after the
        last publication was created.
        """
        return wait_for(self._all_if_ended, what="the end of all runs")

    def _all_if_ended(self) -> list[dg.DagsterRun] | None:
        runs = self.instance.get_runs()
        return None if _unfinished(runs) else [*reversed(runs)]

    def told(self, runs: Sequence[dg.DagsterRun]) -> str:
        """Job, source and status of runs, and why they failed, a line each."""
        return "\n".join(
            " ".join(
                [
                    run.job_name,
                    run.tags.get(SOURCE_TAG, ""),
                    run.status.value,
                    *(
                        str(entry.message)
                        for entry in self.instance.all_logs(
                            run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
                        )
                    ),
                ]
            )
            for run in runs
        )


def _unfinished(runs: Sequence[dg.DagsterRun]) -> list[dg.DagsterRun]:
    repeated = {run.parent_run_id for run in runs}
    return [run for run in runs if run.status not in ENDED or _is_repeated(run, repeated)]


def _is_repeated(run: dg.DagsterRun, repeated: set[str | None]) -> bool:
    """Whether Dagster is about to start a failed run again; it notes that after it has noted the failure."""
    is_final = run.tags.get("dagster/will_retry") == "false"
    return run.status is dg.DagsterRunStatus.FAILURE and not is_final and run.run_id not in repeated


@contextmanager
def hosts(folder: Path, workers: int) -> Iterator[Hosts]:
    """Makes a control host and some workers, not started yet; kills them in the end."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        server = stack.enter_context(postgresql(PASSWORD))
        broker = stack.enter_context(redis(folder))
        shared = {
            "CBR_DAGSTER_PG_HOST": "127.0.0.1",
            "CBR_DAGSTER_PG_PORT": str(server.port),
            "CBR_DAGSTER_PG_USER": "dagster",
            "CBR_DAGSTER_PG_PASSWORD": PASSWORD,
            "CBR_DAGSTER_PG_DB": "dagster",
            "CBR_DAGSTER_CELERY_BROKER": broker,
            "CBR_DAGSTER_CELERY_RESULTS": broker,
            "CBR_TOKEN": "demo-token",
        }
        for name, value in shared.items():
            patch.setenv(name, value)
        found = [
            _host(folder / name, shared, workers)
            for name in ("control", *(f"worker{number}" for number in range(workers)))
        ]
        instance = stack.enter_context(dg.DagsterInstance.from_config(found[0].environ["DAGSTER_HOME"]))
        try:
            yield Hosts(found[0], found[1:], instance, free_port())
        finally:
            for host in found:
                host.kill()


def _host(folder: Path, shared: dict[str, str], runs: int) -> Host:
    home = folder / "dagster-home"
    made = CliRunner().invoke(app, ["dagster-home", str(home), "--launcher", "celery", "--runs", str(runs)])
    assert made.exit_code == 0, made.output
    settings = (home / "dagster.yaml").read_text(encoding="utf-8")
    for usual, soon in SOON.items():
        assert usual in settings
        settings = settings.replace(usual, soon)
    (home / "dagster.yaml").write_text(settings, encoding="utf-8")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CBR_", "DAGSTER_"))
    }
    own = {
        "DAGSTER_HOME": str(home),
        "CBR_WAREHOUSE_CONFIG": str(folder / "cbr-warehouse.toml"),
        "CBR_WAREHOUSE_CACHE_DIR": str(folder / "cache"),
        "PATH": f"{BIN}:{inherited['PATH']}",
        "C_FORCE_ROOT": "1",  # Celery warns root
    }
    return Host(folder.name, folder, inherited | shared | own)
