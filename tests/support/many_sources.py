"""Many small sources in one data directory, landed or loaded, and the context to build them again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from pydantic import SecretStr

from cbr_emulator.dialect.settings import Dialect
from cbr_emulator.estate.generate import generate_estate
from cbr_emulator.server.record_store import EstateRecords
from cbr_warehouse.compute.runner import IN_PROCESS, ShareRunner
from cbr_warehouse.contract.load_schemas import read_contract
from cbr_warehouse.contract.validate import RecordValidator
from cbr_warehouse.load.context import LoadContext, LoadRequest
from cbr_warehouse.load.run import load
from cbr_warehouse.raw.files import ReceivedPage
from cbr_warehouse.raw.landing import Landing
from cbr_warehouse.raw.ledgers import AuditEntry, AuditFindings, LoadEntry, write_audit, write_load
from cbr_warehouse.settings.model import Settings
from cbr_warehouse.settings.resolve_credentials import KeyCredentials
from cbr_warehouse.settings.select_sources import ReadySource
from cbr_warehouse.source.client import CbrClient
from cbr_warehouse.storage.layout import DataDirectory
from support.emulator_server import NOW, emulated

KEYS = KeyCredentials(SecretStr("DEMO-AK"), SecretStr("DEMO-SK"))


def load_sources(folder: Path, runner: ShareRunner = IN_PROCESS, *, sources: int, **options: Any) -> Settings:
    """Loads some sources, each a project of one emulator, and returns their configuration.

    Args:
        folder: The data directory.
        runner: Where tables are made.
        sources: How many; half of them in another time zone.
        options: Options of the emulator.
    """
    days = options.get("days", 1)
    with emulated(now=None, is_frozen=False, projects=sources, **options) as source:
        projects = [project for project in source.emulator.projects.listed if project.region]
        tables = [
            _table(f"source-{number:02}", source.url, project.id, days)
            for number, project in enumerate(projects)
        ]
        settings = Settings.model_validate({"sources": tables})
        context = context_of(folder, settings, runner)
        result = load(context, [ReadySource(one, KEYS) for one in settings.sources], LoadRequest())
    assert {one.entry.outcome for one in result.sources} == {"done"}
    return settings


def land_sources(folder: Path, sources: int, tasks: int, days: int, *, seed: int = 0) -> Settings:
    """Lands what two loads of each source would have received, without any request; see ``load_sources``.

    One record in fifty is broken. Between the loads, which are half a day apart, open tasks end.

    Args:
        folder: The data directory.
        sources: How many; half of them in another time zone.
        tasks: Tasks of each source, about.
        days: The days before the present on which they are created.
        seed: Seed of the first source's estate; each of the others has the next one.
    """
    directory, contract = DataDirectory(folder), read_contract()
    names = [f"source-{number:02}" for number in range(sources)]
    for number, name in enumerate(names):
        records = EstateRecords(generate_estate(tasks, days, seed + number, NOW), name)
        for load_id, now in (("L1", NOW - timedelta(hours=12)), ("L2", NOW)):
            landing = Landing(
                directory, name, load_id, validator=RecordValidator(contract), contract=contract.fingerprint
            )
            texts = [records.text(row, now, Dialect()) for row in records.rows(now, None)]
            texts[::50] = [text.replace(b'"status"', b'"status": {}, "was"') for text in texts[::50]]
            landing.land(ReceivedPage(texts, 1, 0, now))
            landing.flush()
            entry = LoadEntry(load_id, name, now, "incremental", finished_at=now, outcome="done")
            write_load(directory, entry)
            found = [NOW.date() - timedelta(days=back) for back in range(days)]
            audits = tuple(AuditEntry(day, 1, 0, "complete", now) for day in found)
            write_audit(directory, name, load_id, AuditFindings(audits, judged_at=now, is_confirmed=True))
    return Settings.model_validate({"sources": [_table(name, "http://x", "p", days) for name in names]})


def _table(name: str, url: str, project_id: str, days: int) -> dict[str, str]:
    return {
        "name": name,
        "endpoint": url,
        "project_id": project_id,
        "history": f"{days}d",
        "timezone": "Asia/Tokyo" if int(name[-1]) % 2 else "Europe/Berlin",
        "access_key": "env:AK",
        "secret_key": "env:SK",
    }


def context_of(folder: Path, settings: Settings, runner: ShareRunner = IN_PROCESS) -> LoadContext:
    """What a load or rebuild of them depends on."""
    return LoadContext(
        DataDirectory(folder),
        read_contract(),
        lambda: datetime.now(UTC),
        uuid4,
        lambda ready: CbrClient(ready.settings, ready.credentials),
        settings.analytics,
        runner=runner,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones included, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(warehouse: Path) -> dict[str, str]:
    """Number of rows and a hash of all cells of every table and view of a warehouse, by name."""
    found = {}
    with duckdb.connect(config={"threads": 1}) as connection:  # two take more CPU for tables of some rows
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{warehouse}' AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'warehouse' UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'warehouse' "
            "AND NOT internal ORDER BY ALL"
        ).fetchall()
        for schema, name in names:
            rows, total = connection.execute(
                f'SELECT count(*), sum(hash(t)::HUGEINT) FROM "{schema}"."{name}" AS t'
            ).fetchall()[0]
            found[f"{schema}.{name}"] = f"{rows} rows, {total}"
    return found
