"""The two loaders as commands in separate folders, and the rows they have stored."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

PROJECT = "04f1829c788037ac2fb8c01eb2b04b95"
COMMAND = [sys.executable, "-m", "cbr_warehouse.cli.main"]
CHECKOUT = Path(__file__).resolve().parents[2]

CONFIGURATION = """[[sources]]
name = "compare"
endpoint = "{url}"
project_id = "{project}"
region = "eu-de"
token = "env:COMPARE_TOKEN"
"""


@dataclass(frozen=True)
class Loaded:
    """Result of a load.

    Attributes:
        status: Exit status; negative if it was killed.
        output: Its output.
    """

    status: int
    output: str


class Loader(Protocol):
    """A loader with its own folder."""

    name: str

    def start(self, url: str) -> "subprocess.Popen[str]":
        """Starts one load."""

    def rows(self) -> Counter[tuple[str, str]]:
        """The stored rows, as id and status, with their number."""


def load(loader: Loader, url: str) -> Loaded:
    """Runs one load to completion."""
    process = loader.start(url)
    out, error = process.communicate(timeout=900)
    return Loaded(process.returncode, out + error)


class CbrWarehouse:
    """This project's own command, with its defaults."""

    name = "cbr-warehouse"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def start(self, url: str) -> "subprocess.Popen[str]":
        """Starts one load."""
        text = CONFIGURATION.format(url=url, project=PROJECT)
        (self._folder / "cbr-warehouse.toml").write_text(text, encoding="utf-8")
        return _start([*COMMAND, "load"], self._folder)

    def rows(self) -> Counter[tuple[str, str]]:
        """The stored rows, as id and status, with their number."""
        return _rows(self._folder / "data" / "warehouse.duckdb", "SELECT task_id, status FROM tasks")


class Dlt:
    """dlt's ``rest_api`` source, as configured in ``dlt_load``."""

    name = "dlt"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def start(self, url: str) -> "subprocess.Popen[str]":
        """Starts one load."""
        script = Path(__file__).with_name("dlt_load.py")
        return _start([sys.executable, str(script), url, PROJECT, str(self._folder)], self._folder)

    def rows(self) -> Counter[tuple[str, str]]:
        """The stored rows, as id and status, with their number."""
        return _rows(self._folder / "tasks.duckdb", "SELECT id, status FROM cbr.tasks")


def _start(words: list[str], folder: Path) -> "subprocess.Popen[str]":
    environ = os.environ | {"COMPARE_TOKEN": "demo-token", "PYTHONPATH": str(CHECKOUT / "pipelines")}
    environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    return subprocess.Popen(
        words, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _rows(path: Path, query: str) -> Counter[tuple[str, str]]:
    if not path.exists():
        return Counter()
    with duckdb.connect(str(path), read_only=True) as connection:
        return Counter((str(one), str(status)) for one, status in connection.execute(query).fetchall())
