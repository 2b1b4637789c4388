"""Hosts on which commands are typed: each with a configuration whose data directory is in a store."""

import os
import subprocess
import sys
from pathlib import Path

from support.command_line import PACKAGES, Finished, Workplace

KILLED = """
import os, signal, sys
from datetime import timedelta
from importlib import import_module
from threading import Lock
from cbr_warehouse.cli.main import main
from cbr_warehouse.remote import lease

lease.LEASE, lease.RENEWED_EVERY_SECONDS = timedelta(seconds=1), 0.2
room, _, name = sys.argv.pop(1).rpartition(".")
left, turn = int(sys.argv.pop(1)), Lock()
room = import_module(room)
real = getattr(room, name)

def killed(*arguments, **named):
    global left
    with turn:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)

setattr(room, name, killed)
main()
"""


class CommandsKilled(Workplace):
    """A folder with a configuration, and commands in it that kill themselves at a step."""

    def killed_at(self, step: str, *words: str, after: int = 0) -> int:
        """Runs a command in a process that kills itself at a step.

        Args:
            step: A function, by its module.
            words: The command's words.
            after: How often the function is called before.

        Returns:
            The exit status.
        """
        environ = {**os.environ, "PYTHONPATH": str(PACKAGES), "CBR_TOKEN": "demo-token"}
        command = [sys.executable, "-c", KILLED, step, str(after), *words]
        return subprocess.run(
            command, cwd=self.folder, env=environ, check=False, capture_output=True, timeout=120
        ).returncode


class HostOfCommands(CommandsKilled):
    """A host with a configuration whose data directory is in a store."""

    def __init__(self, folder: Path, endpoint: str, url: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.configure(endpoint)
        path = folder / "cbr-warehouse.toml"
        path.write_text(f'data_dir = "{url}"\ncache_dir = "cache"\n{path.read_text()}')


def fine(done: Finished) -> Finished:
    """A command that succeeded."""
    assert done.status == 0, done.err
    return done
