"""Publications to a DuckLake in tests: a changed file, one that is killed, a catalog that became old."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.lake.connect import attach_lake
from cbr_warehouse.warehouse.lake.snapshots import GRACE_DAYS
from cbr_warehouse.warehouse.place import LakeAddress
from support.postgresql import Server

_PUBLISHER = """
import os, signal, sys
from pathlib import Path
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.storage.store_url import parse_store_url
from cbr_warehouse.warehouse.lake import publish
from cbr_warehouse.warehouse.place import LakeAddress

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(publish, sys.argv[1], die)
files = parse_store_url(sys.argv[4]) if sys.argv[4].startswith("s3:") else Path(sys.argv[4])
address = LakeAddress(sys.argv[3], os.environ["CATALOG_PASSWORD"], files)
publish.publish_to_lake(DataDirectory(Path(sys.argv[2])), address)
"""


def change(directory: DataDirectory, *statements: str) -> None:
    """Changes the published file, as a load that brought news would."""
    with duckdb.connect(str(directory.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
    directory.warehouse_note.unlink(missing_ok=True)


def kill_publication(directory: DataDirectory, lake: LakeAddress, step: str) -> None:
    """Publishes in a process of its own, which kills itself where it calls a function.

    Args:
        directory: The data directory.
        lake: The DuckLake.
        step: Name of the function, in ``lake.publish``.
    """
    words = [str(directory.root), lake.parameters, str(lake.files)]
    environment = os.environ | {"CATALOG_PASSWORD": str(lake.password)}
    killed = subprocess.run([sys.executable, "-c", _PUBLISHER, step, *words], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL


@contextmanager
def writing(lake: LakeAddress) -> Iterator[duckdb.DuckDBPyConnection]:
    """The DuckLake as a program that writes to it has it."""
    with duckdb.connect() as connection:
        attach_lake(connection, lake, "DATA_INLINING_ROW_LIMIT 0")
        connection.execute("USE warehouse")
        yield connection


def snapshots(lake: LakeAddress) -> int:
    """How many snapshots it has."""
    with writing(lake) as connection:
        found = connection.execute("SELECT count(*) FROM ducklake_snapshots('warehouse')").fetchall()
    return int(found[0][0])


def age(lake: LakeAddress, server: Server, column: str) -> None:
    """Lets what is in a table of the catalog be older than the grace."""
    server.query(f"UPDATE {column} - INTERVAL '{GRACE_DAYS + 2} days'", database_of(lake))


def database_of(lake: LakeAddress) -> str:
    """The name of the database with its catalog."""
    return lake.parameters.rpartition("dbname=")[2]
