"""A source with damaged files stays as it was published, and keeps no other from being published."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.errors import WarehouseError
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import AuditEntry, AuditFindings, LoadEntry, write_audit, write_load
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.atomic_write import TEMPORARY_PREFIX
from cbr_warehouse.storage.layout import DataDirectory
from cbr_warehouse.tables.build import make_tables
from cbr_warehouse.warehouse import build
from cbr_warehouse.warehouse.build import build_warehouse
from cbr_warehouse.warehouse.query import query
from cbr_warehouse.warehouse.update import Publication, WarehouseUpdate
from support.landed_records import CONTRACT, printed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = {
    table: f"SELECT * EXCLUDE (source) FROM {table} WHERE source = $source ORDER BY ALL"
    for table in ("tasks", "resources", "task_versions", "loads", "coverage")
}


def load(directory: DataDirectory, source: str, load_id: str, *days: int) -> None:
    """Lands one task of each of these days of November, makes the tables and notes the load."""
    landing = Landing(
        directory, source, load_id, validator=RecordValidator(CONTRACT), contract=CONTRACT.fingerprint
    )
    records = [
        {
            "id": f"{source}-{day}",
            "created_at": f"2026-11-{day}T01:00:00",
            "extra_info": {"resource": {"id": "r"}},
        }
        for day in days
    ]
    landing.land(ReceivedPage([printed(record) for record in records], 1, 0, NOW))
    landing.flush()
    write_load(directory, LoadEntry(load_id, source, NOW, "incremental", finished_at=NOW, outcome="done"))
    days_found = tuple(AuditEntry(NOW.replace(day=day).date(), 1, 0, "complete", NOW) for day in days)
    write_audit(directory, source, load_id, AuditFindings(days_found, judged_at=NOW, is_confirmed=True))
    make_tables(directory, source, CONTRACT)


def publish(directory: DataDirectory, *, fresh: bool = False) -> Publication:
    return build_warehouse(directory, CONTRACT, AnalyticsSettings(), fresh=fresh)


def rows_of(directory: DataDirectory, source: str) -> dict[str, object]:
    with duckdb.connect(str(directory.warehouse), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {table: connection.execute(sql, {"source": source}).fetchall() for table, sql in ROWS.items()}


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    for source in ("hurt", "well"):
        load(directory, source, "L1", 18, 19)
    publish(directory)
    return directory


def damage_ledger(directory: DataDirectory) -> None:
    path = directory.raw_ledger("loads", "hurt") / "L1.json"
    path.write_bytes(path.read_bytes().replace(b"incremental", b"incrementbl"))


def damage_warehouse(directory: DataDirectory) -> None:
    """Another program changed the file: it is built again, and can still be opened."""
    with duckdb.connect(str(directory.warehouse)) as connection:
        connection.execute("DELETE FROM replications")


@pytest.mark.parametrize("cause", ["damaged", "bloated", "asked"])
def test_a_fresh_warehouse_keeps_loads_and_coverage_of_a_source_with_a_damaged_ledger(
    directory: DataDirectory, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were gone from every warehouse built from scratch while a ledger of that source was damaged."""
    before = rows_of(directory, "hurt")
    assert before["loads"]
    assert before["coverage"]
    damage_ledger(directory)
    if cause == "damaged":
        damage_warehouse(directory)
    if cause == "bloated":
        monkeypatch.setattr(build, "is_bloated", lambda *_words: True)
    load(directory, "well", "L2", 20)
    publication = publish(directory, fresh=cause == "asked")
    assert rows_of(directory, "hurt") == before
    assert len(query(directory.warehouse, "SELECT * FROM tasks WHERE source = 'well'").rows) == 3
    assert list(publication.held_back) == ["hurt"]
    assert "L1.json" in publication.held_back["hurt"]


def test_a_source_with_a_damaged_ledger_is_left_out_where_nothing_was_published(
    directory: DataDirectory,
) -> None:
    """Its tasks without its coverage would look like all there are."""
    sound = rows_of(directory, "well")
    damage_ledger(directory)
    directory.warehouse.write_bytes(b"no database at all")
    publication = publish(directory)
    assert "left out" in publication.held_back["hurt"]
    assert rows_of(directory, "well") == sound
    assert not any(rows_of(directory, "hurt").values())
    assert query(directory.warehouse, "SELECT source FROM meta.partitions WHERE source = 'hurt'").rows == []


@pytest.mark.parametrize("cause", ["error", "missing partition"])
def test_a_rewrite_that_fails_leaves_the_sound_file(
    directory: DataDirectory, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rewrite without free space removed the file it was to replace before it had succeeded."""
    run = WarehouseUpdate.run

    def fail(self: WarehouseUpdate, megabytes: int) -> Publication:
        if self._fresh:
            raise WarehouseError("the rewrite failed")
        return run(self, megabytes)

    monkeypatch.setattr(build, "is_bloated", lambda *_words: True)
    if cause == "error":
        monkeypatch.setattr(WarehouseUpdate, "run", fail)
    else:
        directory.partition("tasks", "hurt", "2026-11-18").unlink()
    before = rows_of(directory, "hurt")
    load(directory, "well", "L2", 20)
    publication = publish(directory)
    assert publication.held_back == {}
    assert publication.broken == ({} if cause == "error" else {"hurt": ("2026-11-18",)})
    assert rows_of(directory, "hurt") == before
    assert len(query(directory.warehouse, "SELECT * FROM tasks WHERE source = 'well'").rows) == 3
    assert list(directory.root.glob(f"{TEMPORARY_PREFIX}*")) == []


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_a_broken_partition_holds_back_its_source_alone(
    directory: DataDirectory, damage: str, fresh: bool
) -> None:
    """A missing partition of one source kept every source from being published."""
    before = rows_of(directory, "hurt")
    for source in ("hurt", "well"):
        load(directory, source, "L2", 20)
    path = directory.partition("resources", "hurt", "2026-11-20")
    if damage == "missing":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content)
    publication = publish(directory, fresh=fresh)
    assert rows_of(directory, "hurt") == before
    assert len(query(directory.warehouse, "SELECT * FROM tasks WHERE source = 'well'").rows) == 3
    assert publication.broken == {"hurt": ("2026-11-20",)}
    assert str(path) in publication.held_back["hurt"]


def test_a_damaged_file_of_sightings_is_left_out(tmp_path: Path) -> None:
    """What DuckDB cannot read ended the publication's transaction, and with it every later publication."""
    directory = DataDirectory(tmp_path)
    load(directory, "prod", "20261120T110000000000Z-1", 18, 19)
    publish(directory)
    before = rows_of(directory, "prod")
    load(directory, "prod", "20261120T120000000000Z-2", 18, 19)
    sightings = [*(directory.raw / "manifests").rglob("*.parquet")]
    assert sightings
    sightings[0].write_bytes(sightings[0].read_bytes()[:100])
    for fresh in (False, True):
        assert publish(directory, fresh=fresh) == Publication()
        assert rows_of(directory, "prod")["tasks"] == before["tasks"]
