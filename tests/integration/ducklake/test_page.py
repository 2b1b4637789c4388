"""The blocks of docs/ducklake.md, with the address of a real server in place of the example's."""

from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.settings.lake import LakeConnection
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.read import read_settings
from cbr_warehouse.settings.secret_references import Reference
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.warehouse.lake.extensions import load_extensions
from cbr_warehouse.warehouse.open_published import open_published
from cbr_warehouse.warehouse.place import LakeAddress
from support.document_blocks import block
from support.postgresql import Server

pytestmark = pytest.mark.needs_program("psql", package="postgresql")

PAGE = "docs/ducklake.md"


def test_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "cbr-warehouse.toml"
    file.write_text(block(PAGE, "data_dir = "), encoding="utf-8")
    settings = read_settings(file, None, {})
    parameters = "host=db.example.com dbname=cbr user=loader"
    assert settings.warehouse == LakeConnection(parameters, Reference("env", "CBR_CATALOG_PASSWORD"))
    assert settings.warehouse_files == Path("/srv/cbr/lake")


def test_files_in_a_store(tmp_path: Path) -> None:
    file = tmp_path / "cbr-warehouse.toml"
    file.write_text(f'warehouse = "ducklake:postgres:dbname=x"\n{block(PAGE, "warehouse_files = ")}')
    assert read_settings(file, None, {}).warehouse_files == "s3://backups/cbr-lake"


def test_a_user_who_only_reads(
    estate: tuple[Path, Settings], own_lake: LakeAddress, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = DataDirectory(estate[0])
    database = own_lake.parameters.rpartition("dbname=")[2]
    server.query("DROP ROLE IF EXISTS reader", database)
    server.query("CREATE ROLE reader LOGIN PASSWORD 'word-of-reader'", database)
    for statement in block(PAGE, "GRANT").replace("loader", "dagster").strip().splitlines():
        server.query(statement, database)
    example = "host=db.example.com dbname=cbr user=reader"
    address = f"host=127.0.0.1 port={server.port} dbname={database} user=reader"
    try:
        with open_published(directory.warehouse) as connection:
            expected = connection.execute("FROM analytics.scorecard ORDER BY ALL").fetchall()
        _try_python(monkeypatch, example, address, len(expected))
        _try_sql(monkeypatch, example, address, expected)
    finally:
        server.query("DROP OWNED BY reader", database)


def _try_python(monkeypatch: pytest.MonkeyPatch, example: str, address: str, rows: int) -> None:
    monkeypatch.setenv("CBR_CATALOG_PASSWORD", "word-of-reader")
    found: dict[str, list[object]] = {}
    exec(block(PAGE, "from cbr_warehouse").replace(example, address), found)
    assert len(found["frame"]) == rows


def _try_sql(monkeypatch: pytest.MonkeyPatch, example: str, address: str, expected: list[object]) -> None:
    monkeypatch.setenv("PGPASSWORD", "word-of-reader")
    attach, query = block(PAGE, "ATTACH").replace(example, address).strip().splitlines()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        load_extensions(connection)
        connection.execute(attach)
        assert sorted(connection.execute(query).fetchall(), key=repr) == sorted(expected, key=repr)
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM warehouse.main.tasks")
