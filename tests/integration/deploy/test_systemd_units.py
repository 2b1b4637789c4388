"""The units of deploy/systemd: sound by systemd's own judgement, and what they start serves a page."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command_line import Workplace
from support.local_ports import free_port

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
UNITS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "deploy/systemd").glob("*.service")}
NAMES = {"code-server", "daemon", "webserver", "worker"}
WITH_SECRETS = {"code-server", "worker"}
MAPPED = "0000000000000000FFFF0000"
"""Begins an address of IPv4 on a socket of IPv6, as /proc/net prints it."""

MOST_EXPOSED = 20
"""Of 100: systemd's measure for what a service might still do to the machine."""


def unit(name: str) -> str:
    return UNITS[f"cbr-warehouse-{name}.service"]


def value(name: str, key: str) -> str:
    found = re.findall(rf"^{key}=(.+)$", unit(name), re.MULTILINE)
    assert len(found) == 1, (name, key, found)
    return str(found[0])


def test_there_is_a_unit_for_each_process() -> None:
    assert UNITS.keys() == {f"cbr-warehouse-{name}.service" for name in NAMES}


@pytest.mark.needs_program("systemd-analyze", package="systemd")
def test_systemd_finds_nothing_wrong_and_little_exposed(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        # Where this machine has the programs.
        (tmp_path / name).write_text(text.replace("/opt/cbr-warehouse/bin/", f"{BIN}/"), encoding="utf-8")
    for name in UNITS:
        verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        measure = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}"]
        done = subprocess.run([*measure, str(tmp_path / name)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_only_what_runs_loads_gets_the_secrets() -> None:
    assert {name for name in NAMES if "EnvironmentFile" in unit(name)} == WITH_SECRETS
    assert {name for name in NAMES if "CBR_WAREHOUSE_CONFIG" in unit(name)} == WITH_SECRETS


def test_the_webserver_talks_to_this_machine_alone() -> None:
    assert "--host 127.0.0.1 " in value("webserver", "ExecStart")
    assert value("webserver", "IPAddressDeny") == "any"
    assert value("webserver", "IPAddressAllow") == "localhost"


def test_a_dagster_yaml_that_was_edited_keeps_no_unit_from_starting(tmp_path: Path) -> None:
    """As with PostgreSQL, or that of the version before: it stays, and the journal says so."""
    settings = tmp_path / "dagster-home" / "dagster.yaml"
    settings.parent.mkdir()
    settings.write_text("storage:\n  postgres: {}\n", encoding="utf-8")
    for name in sorted(NAMES):
        (before,) = (
            line
            for line in re.findall(r"^ExecStartPre=(.+)$", unit(name), re.MULTILINE)
            if "dagster-home" in line
        )
        command = before.removeprefix("-").replace("/opt/cbr-warehouse/bin", str(BIN))
        command = command.replace("/var/lib/cbr-warehouse", str(tmp_path))
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
        assert "differs from the settings" in done.stderr
        # systemd starts a unit if what fails before it begins with a hyphen.
        assert done.returncode == 0 or before.startswith("-"), name
    assert settings.read_text(encoding="utf-8") == "storage:\n  postgres: {}\n"


@contextmanager
def started(places: dict[str, str], folder: Path) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Starts what the units start, in their environment, with some texts replaced."""

    def here(text: str) -> list[str]:
        for place, replacement in places.items():
            text = text.replace(place, replacement)
        return shlex.split(text)

    processes = {}
    try:
        for name in ("code-server", "daemon", "webserver"):
            settings = re.findall(r"^Environment=(.+)$", unit(name), re.MULTILINE)
            environment = dict(one.split("=", 1) for setting in settings for one in here(setting))
            environment |= {"CBR_TOKEN": "demo-token", "HOME": str(folder)}
            for before in re.findall(r"^ExecStartPre=(.+)$", unit(name), re.MULTILINE):
                subprocess.run(
                    here(before.removeprefix("-")),
                    cwd=folder,
                    env=environment,
                    check=True,
                    capture_output=True,
                )
            with (folder / f"{name}.log").open("wb") as log:
                processes[name] = subprocess.Popen(
                    here(value(name, "ExecStart")),
                    cwd=folder,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        yield processes
    finally:
        for process in processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def ask(url: str) -> str:
    query = """{ workspaceOrError { ... on Workspace { locationEntries {
        name locationOrLoadError { ... on RepositoryLocation { repositories { schedules { name } } } } } } }
        instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"""
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""


def listening_addresses(port: int) -> set[str]:
    """Local addresses that are listened on at a port, as /proc/net prints them."""
    rows = [
        row.split()
        for name in ("tcp", "tcp6")
        if Path(f"/proc/net/{name}").exists()
        for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    places = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {address.removeprefix(MAPPED) for address, own in places if int(own, 16) == port}


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_what_the_units_start_serves_the_code_location(workplace: Workplace) -> None:
    etc, state = workplace.folder / "etc", workplace.folder / "state"
    etc.mkdir()
    state.mkdir()
    workplace.configure("https://cbr.example.com", history="5d")
    (workplace.folder / "cbr-warehouse.toml").rename(etc / "cbr-warehouse.toml")
    ports = {"4266": str(free_port()), "3000": str(free_port())}
    found = (ROOT / "deploy" / "systemd" / "workspace.yaml").read_text().replace("4266", ports["4266"])
    (etc / "workspace.yaml").write_text(found)
    places = {
        "/opt/cbr-warehouse/bin": str(BIN),
        "/var/lib/cbr-warehouse": str(state),
        "/etc/cbr-warehouse": str(etc),
        "--port 4266": f"--port {ports['4266']}",
        "--port 3000": f"--port {ports['3000']}",
    }
    with started(places, state) as processes:
        deadline = time.monotonic() + 200
        answer = ""
        while '"load_schedule"' not in answer or '"healthy": true' not in answer.replace('":t', '": t'):
            logs = {name: (state / f"{name}.log").read_text()[-2000:] for name in processes}
            assert all(process.poll() is None for process in processes.values()), logs
            assert time.monotonic() < deadline, (answer, logs)
            time.sleep(1)
            answer = ask(f"http://127.0.0.1:{ports['3000']}")
        loopback = {"0100007F"}
        assert {name: listening_addresses(int(port)) for name, port in ports.items()} == {
            "4266": loopback,
            "3000": loopback,
        }
    assert "Traceback" not in (state / "webserver.log").read_text()
