"""The loaders that are compared: their commands, and the rows they have stored, to be compared as well."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
from measured import COMMAND, HERE, PROJECT, PYTHON

CONFIGURATION = """[[sources]]
name = "bench"
endpoint = "{url}"
project_id = "{project}"
region = "eu-de"
history = "{history}"
token = "env:BENCH_TOKEN"
"""


@dataclass(frozen=True)
class Rows:
    """What a loader has stored.

    Attributes:
        tasks: Rows of tasks with different ids.
        resources: Rows of target resources with an id.
        progress: Sum of a number inside a record.
    """

    tasks: int
    resources: int
    progress: int


@dataclass(frozen=True)
class Loader:
    """A loader.

    Attributes:
        name: Its name in the table.
        prepare: Writes what it needs into its folder and returns the command, from the server's base URL,
            the file of the records and the folder.
        database: Its DuckDB file below the folder.
        rows: The query of its ``Rows``.
    """

    name: str
    prepare: Callable[[str, Path, Path], list[str]]
    database: str
    rows: str

    def stored(self, folder: Path) -> Rows:
        """What it has stored in a folder."""
        with duckdb.connect(str(folder / self.database), read_only=True) as connection:
            return Rows(*(int(number) for number in connection.execute(self.rows).fetchall()[0]))


def configure(folder: Path, url: str, history: str = "30d") -> None:
    """Writes the configuration of cbr-warehouse."""
    text = CONFIGURATION.format(url=url, project=PROJECT, history=history)
    (folder / "cbr-warehouse.toml").write_text(text, encoding="utf-8")


def _prepare_own(url: str, file: Path, folder: Path) -> list[str]:
    del file
    configure(folder, url)
    return [*COMMAND, "load"]


def _prepare_dlt(how: str) -> Callable[[str, Path, Path], list[str]]:
    script = str(HERE / "dlt_load.py")
    return lambda url, _, folder: [PYTHON, script, url, PROJECT, str(folder), how]


def _prepare_pandas(url: str, file: Path, folder: Path) -> list[str]:
    del file
    return [PYTHON, str(HERE / "pandas_load.py"), url, PROJECT, str(folder)]


def _prepare_floor(url: str, file: Path, folder: Path) -> list[str]:
    del url
    return [PYTHON, str(HERE / "floor_load.py"), str(file), str(folder)]


_OWN_ROWS = """SELECT (SELECT count(DISTINCT task_id) FROM tasks), (SELECT count(resource_id) FROM resources
    WHERE role = 'target'), (SELECT sum(progress) FROM tasks)"""
_DLT_ROWS = """SELECT count(DISTINCT id), count(extra_info__resource__id), sum(extra_info__common__progress)
    FROM cbr.tasks"""
_PANDAS_ROWS = """SELECT (SELECT count(DISTINCT id) FROM tasks), (SELECT count(id) FROM resources
    WHERE role = 'target'), (SELECT sum("extra_info.common.progress")::BIGINT FROM tasks)"""
_FLOOR_ROWS = """SELECT (SELECT count(DISTINCT id) FROM tasks), (SELECT count(resource_id) FROM resources
    WHERE role = 'target'), (SELECT sum(progress) FROM tasks)"""

OWN = Loader("cbr-warehouse", _prepare_own, "data/warehouse.duckdb", _OWN_ROWS)
DLT_TUNED = Loader("dlt, tuned", _prepare_dlt("tuned"), "tasks.duckdb", _DLT_ROWS)
DLT_DEFAULT = Loader("dlt, defaults", _prepare_dlt("default"), "tasks.duckdb", _DLT_ROWS)
PANDAS = Loader("pandas", _prepare_pandas, "tasks.duckdb", _PANDAS_ROWS)
FLOOR = Loader("DuckDB from a file", _prepare_floor, "tasks.duckdb", _FLOOR_ROWS)
LOADERS = (OWN, DLT_TUNED, DLT_DEFAULT, PANDAS, FLOOR)
