"""Runs the command in this process and counts what does not depend on the machine's speed.

``python -m support.counted_command OUT WORDS...`` writes to OUT, as JSON, how often the command synced a file
or folder, renamed a file, and executed a statement on a DuckDB connection.
"""

import atexit
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

STATEMENTS = ("execute", "executemany", "sql", "query")

_counts: Counter[str] = Counter()
_lock = Lock()


class CountingConnection:
    """A DuckDB connection that counts its statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __enter__(self) -> "CountingConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        if name == "cursor":
            return lambda: CountingConnection(attribute())
        return _counted(attribute, "statements") if name in STATEMENTS else attribute


def _counted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def counting(*values: Any, **named: Any) -> Any:
        with _lock:
            _counts[name] += 1
        return function(*values, **named)

    return counting


def _write(path: Path) -> None:
    path.write_text(json.dumps(_counts), encoding="utf-8")


def main(out: str, *words: str) -> None:
    connect = duckdb.connect
    duckdb.connect = lambda *values, **named: CountingConnection(connect(*values, **named))
    os.fsync = _counted(os.fsync, "syncs")
    for name in ("replace", "rename"):
        setattr(os, name, _counted(getattr(os, name), "renames"))
    atexit.register(_write, Path(out))
    sys.argv = ["cbr-warehouse", *words]
    from cbr_warehouse.cli.main import main as run_command

    run_command()


if __name__ == "__main__":
    main(*sys.argv[1:])
