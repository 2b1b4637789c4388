"""A real emulator process and the real command in a folder of its own, as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.command_server import PACKAGES, command_server

PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
COMMAND = [sys.executable, "-m", "cbr_warehouse.cli.main"]


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    status: int
    out: str
    err: str


@contextmanager
def serve(*options: str) -> Iterator[str]:
    """Runs an emulator process and gives its base URL."""
    process = subprocess.Popen(
        [*COMMAND, "emulator", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        assert url, process.stderr.read()
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)


class Workplace:
    """A folder with a configuration, and the command run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def configure(self, endpoint: str, **keys: Any) -> None:
        """Writes a configuration of one source, signed in with the emulator's token unless told."""
        values = {"name": "prod", "endpoint": endpoint, "project_id": PROJECT, "region": "eu-de"} | keys
        if not {"token", "access_key", "username"} & set(keys):
            values["token"] = "env:CBR_TOKEN"
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (self.folder / "cbr-warehouse.toml").write_text("[[sources]]\n" + "\n".join(lines) + "\n")

    def run(self, *words: str, encoding: str = "utf-8", given: str = "", **environ: str) -> Finished:
        """Runs the command to its end.

        Args:
            words: The command's words.
            encoding: Of its stdout and stderr, as ``PYTHONIOENCODING`` has it.
            given: What it finds on stdin.
            environ: More variables.
        """
        environ = {
            **os.environ,
            "PYTHONPATH": str(PACKAGES),
            "CBR_TOKEN": "demo-token",
            "PYTHONIOENCODING": encoding,
        } | environ
        codec = encoding.partition(":")[0]
        status, out, err = command_server().run(
            words, folder=self.folder, environ=environ, given=given.encode(codec), timeout=240
        )
        return Finished(status, _text(out, codec), _text(err, codec))

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Asks the published warehouse."""
        done = self.run("sql", statement, "--format", "json")
        assert done.status == 0, done.err
        rows: list[dict[str, Any]] = json.loads(done.out)
        return rows


def _text(printed: bytes, codec: str) -> str:
    return printed.decode(codec).replace("\r\n", "\n")
