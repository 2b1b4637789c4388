"""Commands as processes that are forked from one that has already imported what they import.

Half of what a short command takes is to import its libraries. A server imports them once for all commands of
a test process; each command is a process with words, environment, working directory, streams and exit status
of its own. What only a new interpreter does is for tests that start ``support.command_line.COMMAND``: what a
command imports, what that costs, and the variables that Python and the C library read when they start.
"""

import atexit
import gc
import json
import os
import pkgutil
import runpy
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, NoReturn

COMMAND = "cbr_warehouse.cli.main"
PACKAGES = Path(__file__).parents[2] / "pipelines"
LEFT_OUT = ("reader", "report", "mcp_server", "defs", "definitions", "component", "workers")
"""What imports frames, plots, Dagster or an optional library: few commands need one, and import it."""


class CommandServer:
    """A process that forks a process for each command."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cbr-commands-")
        self._address = f"{self._folder.name}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(listener.fileno())],
                env={**os.environ, "PYTHONPATH": str(PACKAGES)},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def run(
        self, words: Sequence[str], *, folder: Path, environ: Mapping[str, str], given: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Runs a command to its end.

        Args:
            words: The command's words.
            folder: Its working directory.
            environ: Its environment, all of it.
            given: What it finds on stdin.
            timeout: Seconds after which it is killed.

        Returns:
            Its exit status, negative if a signal ended it, and what it wrote to stdout and stderr.

        Raises:
            subprocess.TimeoutExpired: It took longer, and was killed.
        """
        with (
            tempfile.TemporaryFile() as read,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX) as asked,
        ):
            read.write(given)
            read.seek(0)
            asked.connect(self._address)
            asked.settimeout(timeout)
            wanted = json.dumps([list(words), str(folder), dict(environ)]).encode()
            socket.send_fds(asked, [b"%16d" % len(wanted)], [one.fileno() for one in (read, out, err)])
            asked.sendall(wanted)
            try:
                status = asked.recv(16)
            except TimeoutError:
                printed = _content(out), _content(err)
                raise subprocess.TimeoutExpired(list(words), timeout, *printed) from None
            assert status, "the server of commands has ended"
            return int(status), _content(out), _content(err)

    @property
    def program(self) -> str:
        """Lines of a shell that become a command: one with the words of the shell, and its streams."""
        client = Path(__file__).with_name("command_client.py")
        return f'exec {shlex.join([sys.executable, "-IS", str(client), self._address])} "$@"'

    def close(self) -> None:
        """Ends the server; also where it inherited that SIGTERM is ignored."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


@cache
def command_server() -> CommandServer:
    """The server of this process, started when the first command is run."""
    server = CommandServer()
    atexit.register(server.close)
    return server


@dataclass(frozen=True)
class _Request:
    """A command to run; ``asked`` gets its exit status."""

    asked: socket.socket
    words: list[str]
    folder: str
    environ: dict[str, str]
    streams: list[int]


def _receive(listener: socket.socket) -> _Request:
    asked, _ = listener.accept()
    length, streams, _, _ = socket.recv_fds(asked, 16, 3)
    with asked.makefile("rb") as sent:
        words, folder, environ = json.loads(sent.read(int(length)))
    return _Request(asked, words, folder, environ, streams)


def _serve(listener: socket.socket) -> _Request:
    """Forks a process for each request; returns in these processes alone."""
    running: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    for one in (woken, wake):
        one.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if woken in ready:
                woken.recv(4096)
                _answer_ended(running, selector)
            if listener in ready:
                request = _receive(listener)
                child = os.fork()
                if child == 0:
                    break
                for stream in request.streams:
                    os.close(stream)
                running[child] = request.asked
                selector.register(request.asked, selectors.EVENT_READ)
            for child, asked in running.items():
                if asked in ready:  # closed: nobody waits for it any more
                    os.kill(child, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for one in (listener, woken, wake, request.asked, *running.values()):
        one.close()
    return request


def _answer_ended(running: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    for child in [*running]:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            asked = running.pop(child)
            selector.unregister(asked)
            with asked, suppress(OSError):  # nobody waits for it any more
                asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _import_frugality() -> None:
    sys.path.append(str(Path(__file__).parents[1]))
    import_module("support.frugal").import_less()
    sys.path.pop()


def _become(request: _Request) -> None:
    """Makes this process the one that was asked for."""
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    encoding, _, errors = request.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    # Anew: those of the server know of their files whether one can seek in them.
    sys.stdin = sys.__stdin__ = open(0, encoding=encoding, errors=errors or "strict", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding=encoding, errors=errors or "strict", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding, "backslashreplace", closefd=False)  # noqa: SIM115
    sys.path[0] = request.folder
    sys.argv = [COMMAND, *request.words]
    frugal = import_module("support.frugal")
    if os.environ.pop(frugal.VARIABLE, ""):
        frugal.become_frugal()


def _run() -> NoReturn:
    """Runs the command and ends the process, its threads and exit functions waited for.

    Without the destructors of C++ libraries, which would wait for threads that only the server has.
    """
    status = 0
    try:
        runpy.run_module(COMMAND, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = int(ended.code or 0)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name.split(".")[1] in LEFT_OUT or module.name == COMMAND:
            continue
        with suppress(ImportError):  # of a library that is optional: the command that needs it says so
            found = import_module(module.name)
            if module.ispkg:
                _import_all(found)


def main() -> None:
    """Imports, serves, and in each forked process runs the command."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    import_module("cbr_warehouse.storage.allocators").choose_allocators()  # as a command does, before pyarrow
    _import_frugality()
    for name in ("cbr_warehouse", "cbr_emulator"):
        _import_all(import_module(name))
    gc.collect()
    gc.freeze()
    _become(_serve(listener))
    _run()


if __name__ == "__main__":
    main()
