"""Measures what making tables costs, by SQL statement: CPU, rows and memory of the process.

It needs a data directory with raw files, such as any load leaves; its raw files are
linked into a temporary folder, so the directory is not changed.
"""

import argparse
import re
import resource
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables import build


def main() -> None:
    """Makes all tables of one source from raw, several times, and prints what each statement took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a data directory with raw files")
    parser.add_argument("--source", default="bench", help="name of the source (bench)")
    parser.add_argument("--times", type=int, default=1, help="how often (1)")
    parser.add_argument("--statements", type=int, default=25, help="how many statements to print (25)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data.parent) as folder:
        shutil.copytree(arguments.data / "raw", Path(folder, "raw"), copy_function=_link)
        for _ in range(arguments.times):
            measure(DataDirectory(Path(folder)), arguments.source, arguments.statements)


def measure(directory: DataDirectory, source: str, statements: int) -> None:
    """Makes the tables once."""
    build.forget_tables(directory)
    contract = read_contract()
    spent: dict[str, list[float]] = defaultdict(list)
    with _timed_engines(spent):
        began = _cpu()
        build.make_tables(directory, source, contract)
        whole = _cpu() - began
    with duckdb.connect() as engine:
        files = str(directory.tables / "task_versions" / f"source={source}" / "*" / "*.parquet")
        (rows,) = engine.execute("SELECT count(*) FROM read_parquet($1)", [files]).fetchall()[0]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    in_sql = sum(map(sum, spent.values()))
    _print(
        f"{rows:,} versions: {whole:.2f} CPU-s, {whole / rows * 1e6:.1f} us a version "
        f"({in_sql / rows * 1e6:.1f} in SQL), peak {peak:.0f} MB"
    )
    for name, each in sorted(spent.items(), key=lambda one: -sum(one[1]))[:statements]:
        _print(f"  {sum(each) / rows * 1e6:8.2f} us  {len(each):6} times  {name}")


@contextmanager
def _timed_engines(spent: dict[str, list[float]]) -> Iterator[None]:
    opened = build.open_engine

    @contextmanager
    def timed(*arguments: Any, **more: Any) -> Iterator[Any]:
        with opened(*arguments, **more) as engine:
            yield _TimedEngine(engine, spent)

    build.open_engine = timed
    try:
        yield
    finally:
        build.open_engine = opened


class _TimedEngine:
    """A connection that notes the CPU time of each statement."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, spent: dict[str, list[float]]) -> None:
        self._engine = engine
        self._spent = spent

    def execute(self, statement: str, *arguments: Any) -> duckdb.DuckDBPyConnection:
        began = _cpu()
        try:
            return self._engine.execute(statement, *arguments)
        finally:
            name = re.sub(r"'[^']*'|\d+", "_", " ".join(statement.split()))
            self._spent[name[:60]].append(_cpu() - began)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _link(source: str, target: str) -> str:
    Path(target).hardlink_to(source)
    return target


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
