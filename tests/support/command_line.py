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

PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
PACKAGES = Path(__file__).parents[2] / "pipelines"
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
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2] / "pipelines"),
                "CBR_TOKEN": "demo-token",
                "PYTHONIOENCODING": encoding,
            }
            | environ,
            input=given,
            capture_output=True,
            encoding=encoding.partition(":")[0],
            timeout=240,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Asks the published warehouse."""
        done = self.run("sql", statement, "--format", "json")
        assert done.status == 0, done.err
        rows: list[dict[str, Any]] = json.loads(done.out)
        return rows
