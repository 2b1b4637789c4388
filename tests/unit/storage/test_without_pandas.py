"""Pandas is hidden while a block runs, and works as ever before and afterwards."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from threading import Thread

import duckdb
import pyarrow as pa

from cbr_warehouse.storage.without_pandas import without_pandas

connection = duckdb.connect()


def use():
    for _ in range(50):
        with without_pandas():
            assert connection.cursor().execute("SELECT $1", ["a"]).fetchall() == [("a",)]
            assert pa.array(["a", None]).null_count == 1


threads = [Thread(target=use) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
assert "pandas" not in sys.modules
frame = connection.execute("SELECT $1 AS a", [1]).df()
assert list(frame.a) == [1]
assert pa.array(frame.a).to_pylist() == pa.table({"a": [1]}).to_pandas().a.tolist() == [1]
with without_pandas():
    import pandas

    assert connection.execute("SELECT $1 AS a", [pandas.NaT]).df().a.isna().all()
"""


def test_pandas_is_not_imported_and_works_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_other_module_is_imported() -> None:
    from cbr_warehouse.storage.without_pandas import without_pandas

    with without_pandas(), pytest.raises(ModuleNotFoundError, match="no_such_module"):
        __import__("no_such_module")
