"""The emulator as a process: options, errors and shutdown."""

import io
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import IO
from unittest.mock import patch

import httpx
import pytest

from cbr_emulator.faults.bad_records import KINDS
from cbr_warehouse.cli.main import main
from support.command_line import COMMAND, PROJECT

TASKS = f"/v3/{PROJECT}/operation-logs"
DIALECTS = (
    "order=created_at|updated_at|started_at|id",
    "direction=desc|asc",
    "filter=created_at|started_at|updated_at|started_ended",
    "bounds=inclusive|exclusive",
    "max_limit=1..1000",
    "over_limit=clamp|default|refuse",
    "default_limit=1..1000",
    "count=all|page",
    "offset_base=0|1",
    "names=exact|fuzzy",
    "provider_default=none|server_disk",
    "times=naive|z|offset|seconds",
    "nulls=null|absent|empty",
    "error_info=texts|null|absent",
    "incremental=bool|string|quoted|number",
    "app_consistency=present|null|absent",
    "numbers=number|string|decimal",
    "counters=short|long",
    "fail_count=number|list",
    "task_id=present|absent",
    "replication=present|absent",
    "volumes=both|excluded",
    "update_expiration_time=absent|present",
    "extra_info=present|absent|null",
    "statuses=documented|undocumented",
    "operation_types=documented|undocumented",
    "resource_types=documented|undocumented",
    "unknown=absent|present",
    "echo=absent|present",
    "retention=SPAN|none",
    "late=SHARE",
    "late_by=SPAN",
    "edited=SHARE",
    "edits=dated|silent",
    "tick=SPAN",
)
REQUEST_FAULTS = ("throttle", "gateway", "error_500", "error_503", "reset", "stall", "truncate", "corrupt")
FAULTS = (
    *(f"{name}=RATE|@REQUESTS" for name in REQUEST_FAULTS),
    "retry_after=SECONDS",
    "quota=N/SPAN",
    "stall_for=SPAN",
    "expire_token=N|SPAN|RATE|@REQUESTS",
    "skew=SPAN|-SPAN",
)


def refused(*options: str) -> str:
    """Error message of an emulator that does not start."""
    return " ".join(ended(2, *options).split())


def ended(status: int, *options: str) -> str:
    """Output of the command, called in this process; stderr if it fails."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["cbr-warehouse", "emulator", "--tasks", "10", *options]),
        redirect_stdout(out),
        redirect_stderr(err),
        listening_as_before(),
        pytest.raises(SystemExit) as raised,
    ):
        main()
    told, silent = (out, err) if status == 0 else (err, out)
    assert (raised.value.code, silent.getvalue()) == (status, "")
    assert "Traceback" not in told.getvalue()
    return told.getvalue()


@contextmanager
def listening_as_before() -> Iterator[None]:
    """Restores what the command does to the signals of its process."""
    before = {sent: signal.getsignal(sent) for sent in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for sent, handler in before.items():
            signal.signal(sent, handler)


@pytest.mark.parametrize(
    "pair",
    [
        "colour=red",
        "order=size",
        "max_limit=0",
        "max_limit=1001",
        "retention=long",
        "retention=999999999d",
        "default_limit=0",
        "late=1.5",
        "edited=nan",
        "late_by=later",
        "tick=-1s",
        "order",
    ],
)
def test_an_unknown_dialect_is_refused_with_what_is_allowed(pair: str) -> None:
    told = refused("--port", "0", "--dialect", pair)
    for allowed in (pair, *DIALECTS):
        assert allowed in told


@pytest.mark.parametrize(
    "pair",
    [
        "fire=1",
        "throttle=2",
        "throttle=nan",
        "gateway=often",
        "quota=5",
        "quota=-5/1m",
        "retry_after=-1",
        "stall",
        "stall_for=long",
        "throttle=@",
        "throttle=@0",
        "reset=@5-3",
        "reset=@1;2",
        "expire_token=0",
        "expire_token=soon",
        "skew=+5m",
        "bad_records=rotten",
        "bad_records=1.1",
    ],
)
def test_an_unknown_fault_is_refused_with_what_is_allowed(pair: str) -> None:
    told = refused("--port", "0", "--fault", pair)
    for allowed in (pair, *FAULTS, "bad_records=RATE|broken_json|"):
        assert allowed in told


def test_help_lists_every_key_with_its_values() -> None:
    told = ended(0, "--help").splitlines()
    for key in (*DIALECTS, *FAULTS, "bad_records=RATE|KIND", *KINDS):
        assert f"    {key}" in told


@pytest.mark.parametrize("pair", ["late=0.1", "edited=0.1"])
def test_a_file_of_records_neither_comes_late_nor_is_edited(tmp_path: Path, pair: str) -> None:
    path = tmp_path / "records.json"
    path.write_text("[]")
    assert "never appear late or change" in refused("--records", str(path), "--dialect", pair)


@pytest.mark.parametrize("now", ["tomorrow", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_present_that_cannot_be_is_refused(now: str) -> None:
    assert now in refused("--port", "0", "--now", now)


@pytest.mark.parametrize("text", [None, "{", "7", '{"count": 0}'])
def test_a_file_without_records_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "records.json"
    if text is not None:
        path.write_text(text)
    assert str(path) in refused("--port", "0", "--records", str(path)).replace(" ", "")


def test_a_port_in_use_is_refused_before_the_estate_is_generated() -> None:
    """The error came only after the estate had been generated, which takes long for a large one."""
    generated = patch("cbr_emulator.server.run.generate_estate", side_effect=AssertionError)
    with socket.create_server(("127.0.0.1", 0)) as taken, generated:
        port = str(taken.getsockname()[1])
        told = refused("--port", port)
    assert port in told
    assert "--port 0" in told


SIGNALS = pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    """An emulator process with its outputs."""
    command = [*COMMAND, "emulator", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process, process.stdout, process.stderr
        finally:
            process.kill()


@SIGNALS
def test_a_signal_ends_it_with_status_0(sent: signal.Signals) -> None:
    with running("--tasks", "10") as (process, out, err):
        url = out.readline().strip()
        assert httpx.get(f"{url}/__emulator/truth", trust_env=False).status_code == 200
        process.send_signal(sent)
        assert process.wait(timeout=10) == 0
        assert out.read() == ""
        assert "Traceback" not in err.read()


@SIGNALS
def test_it_ends_cleanly_while_an_answer_stalls(sent: signal.Signals) -> None:
    with running("--tasks", "10", "--fault", "stall=1") as (process, out, err):
        url = out.readline().strip()
        headers = {"X-Auth-Token": "demo-token"}
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}{TASKS}", headers=headers, trust_env=False, timeout=0.5)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as waiting:
            request = f"GET {TASKS} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: demo-token\r\n\r\n"
            waiting.sendall(request.encode())
            while httpx.get(f"{url}/__emulator/truth", trust_env=False).json()["requests"] < 2:
                pass
            process.send_signal(sent)
            assert process.wait(timeout=10) == 0
        assert "Traceback" not in err.read()


def is_listening(pid: int) -> bool:
    """Whether a process has installed its own handler; Python has one for SIGINT, so SIGTERM is checked."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells who listens")
@SIGNALS
def test_it_ends_cleanly_before_it_serves(sent: signal.Signals) -> None:
    with running("--tasks", "400000") as (process, out, err):
        until = time.monotonic() + 30
        while not is_listening(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(sent)
        assert process.wait(timeout=10) == 0
        assert out.read() == ""
        assert "Traceback" not in err.read()
