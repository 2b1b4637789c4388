"""The processes of an installation as docs/deployment.md has them: code server, daemon, and sources to load.

Each is a session of its own, so that all of its processes can be found, measured and killed at once.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
LOCATION = "cbr-warehouse"
MODULE = "cbr_warehouse.definitions"
FORK_SERVER = "multiprocessing.forkserver"
STARTS_WITHIN_SECONDS = 180
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Process:
    """A process as the system shows it.

    Attributes:
        process_id: Its number.
        parent_id: Number of the process that started it.
        command: Its command line.
        resident_bytes: Its resident memory.
        cpu_seconds: User and system time, that of its ended children included.
    """

    process_id: int
    parent_id: int
    command: str
    resident_bytes: int
    cpu_seconds: float


def processes_of(session: int) -> Iterator[Process]:
    """The living processes of a session."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (
                (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
            if int(fields[3]) != session or fields[0] == "Z":
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):  # it ended meanwhile
            continue
        cpu = sum(map(int, fields[11:15])) / _TICKS_A_SECOND
        yield Process(int(folder.name), int(fields[1]), command, int(fields[21]) * _PAGE_BYTES, cpu)


@dataclass
class Installation:
    """A folder with a configuration and a DAGSTER_HOME, and the processes that run for it.

    Attributes:
        folder: The folder.
        sessions: Session number by service, of those that run.
    """

    folder: Path
    sessions: dict[str, int] = field(default_factory=dict)
    _port: int = 0

    @property
    def home(self) -> Path:
        """The DAGSTER_HOME."""
        return self.folder / "dagster-home"

    @property
    def warehouse(self) -> Path:
        """The published file."""
        return self.folder / "data" / "warehouse.duckdb"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("CBR_", "DAGSTER_"))
        }
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return inherited | {
            "CBR_WAREHOUSE_CONFIG": str(self.folder / "cbr-warehouse.toml"),
            "CBR_TOKEN": "demo-token",  # good for the first project of an emulator; the keys are for all
            "CBR_ACCESS_KEY": "DEMO-AK",
            "CBR_SECRET_KEY": "DEMO-SK",
            "DAGSTER_HOME": str(self.home),
            "PATH": f"{BIN}:{inherited['PATH']}",
        }

    def configure(self, sources: Sequence[dict[str, object]], **keys: object) -> None:
        """Writes the configuration and the shipped settings of Dagster.

        Args:
            sources: What is particular to each source.
            keys: Keys at the top.
        """
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        for source in sources:
            credentials = {} if "access_key" in source else {"token": "env:CBR_TOKEN"}
            values = {"project_id": PROJECT, "region": "eu-de"} | credentials | source
            lines += ["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        (self.folder / "cbr-warehouse.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.run("cbr-warehouse", "dagster-home", str(self.home))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        server = f"host: 127.0.0.1\n      port: {self._port}\n      location_name: {LOCATION}"
        workspace = f"load_from:\n  - grpc_server:\n      {server}\n"
        (self.folder / "workspace.yaml").write_text(workspace, encoding="utf-8")

    def run(self, *words: str, may_fail: bool = False) -> "subprocess.CompletedProcess[str]":
        """Runs a command of the environment to its end.

        Raises:
            SystemExit: It failed.
        """
        done = subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and not may_fail:
            raise SystemExit(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
        return done

    def start(self) -> None:
        """Starts the code server, waits until it serves, and starts the daemon.

        Raises:
            SystemExit: The code server does not serve.
        """
        address = ("--host", "127.0.0.1", "--port", str(self._port))
        self._start("code server", "dagster", "code-server", "start", *address, *_LOADED)
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while self.run("dagster", "api", "grpc-health-check", *address, may_fail=True).returncode:
            if time.monotonic() > deadline:
                raise SystemExit((self.folder / "code server.log").read_text(encoding="utf-8")[-4000:])
            time.sleep(0.5)
        self._start("daemon", "dagster-daemon", "run", "--workspace", str(self.folder / "workspace.yaml"))

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(BIN / words[0]), *words[1:]],
                cwd=self.folder,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.sessions[name] = process.pid
        _own[process.pid] = process

    def kill(self) -> int:
        """Kills every process of every service at once; gives how many there were."""
        found = [
            process.process_id for session in self.sessions.values() for process in processes_of(session)
        ]
        for process_id in found:
            try:
                os.kill(process_id, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for session in self.sessions.values():
            _own.pop(session).wait()
        self.sessions.clear()
        return len(found)

    def servers(self) -> Iterator[tuple[str, Process]]:
        """The processes that last, with the name of their service; not those of single runs."""
        for name, session in self.sessions.items():
            found = {process.process_id: process for process in processes_of(session)}
            for process in found.values():
                parent = found.get(process.parent_id)
                # A run is a fork of the fork server, with its command line, or was started as Dagster does.
                is_fork = parent is not None and FORK_SERVER in parent.command
                if not is_fork and "multiprocessing.spawn" not in process.command:
                    yield name, process


_LOADED = ("--module-name", MODULE, "--location-name", LOCATION)
_own: dict[int, "subprocess.Popen[bytes]"] = {}


@contextmanager
def emulated(*options: str) -> Iterator[str]:
    """Runs an emulator in a process of its own and gives its base URL."""
    process = subprocess.Popen(
        [str(BIN / "cbr-warehouse"), "emulator", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.kill()
        process.communicate()
