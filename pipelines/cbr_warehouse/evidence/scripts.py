"""The SQL of a pack: from raw records to tables, and from tables to the views that controls read.

It is derived from the code that makes the published warehouse: the flattening from the contract, the
analytics by noting what ``analytics.build`` runs. Nothing is defined here but where a period ends.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import duckdb

from cbr_warehouse.analytics.build import bring_up
from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.contract.inventory import ALL_INVENTORY_TABLES
from cbr_warehouse.evidence.layout import COVERAGE, LOADS, inventory_of, raw_file, records_of, sightings_of
from cbr_warehouse.evidence.record_statements import RecordingConnection
from cbr_warehouse.settings.analytics import AnalyticsSettings
from cbr_warehouse.storage.sql_text import identifier, literal
from cbr_warehouse.tables.partition_writer import PARTITIONED, partition_columns, partition_rows
from cbr_warehouse.tables.versions_sql import steps
from cbr_warehouse.warehouse.ddl import create_statements
from cbr_warehouse.warehouse.update import QUARANTINE_RESOLVED

_NO_SHORT_WAY = "CREATE OR REPLACE TEMP TABLE alone AS SELECT *, NULL::VARCHAR AS day FROM newest WHERE false"
"""The warehouse takes a shorter way for most texts, with the same result; a pack has one way for all."""

_TEMPORARY = ("alone", "newest", "versions", "facts", "texts", "sightings", "records")


def read_script(names: Iterable[str]) -> str:
    """The script that reads the raw files, for people; a verification reads them itself.

    Args:
        names: The raw tables.
    """
    statements = [
        "ATTACH ':memory:' AS warehouse",
        "USE warehouse",
        "SET TimeZone = 'UTC'",
        "CREATE SCHEMA raw",
    ]
    statements += [
        f"CREATE TABLE raw.{identifier(name)} AS SELECT * FROM read_parquet({literal(raw_file(name))})"
        for name in sorted(names)
    ]
    return _script(
        "Reads the raw files. In the folder of the unpacked pack, with DuckDB alone:\n"
        "cat sql/00_read.sql sql/10_tables.sql sql/20_analytics.sql sql/control_rpo_kept.sql | duckdb",
        statements,
    )


def tables_script(contract: Contract, days: Mapping[str, Sequence[str]], cut: datetime) -> str:
    """The script that makes the tables of the warehouse from the raw records.

    Args:
        contract: The contract.
        days: The days that raw records of each source are filed under.
        cut: The end of the pack's period, UTC: tasks created from then on are left out, and the watermark is
            no later.
    """
    end = f"TIMESTAMPTZ {literal(cut.astimezone(UTC).isoformat())}"
    statements = [one for one in create_statements(contract) if not one.startswith("COMMENT")]
    for source in sorted(days):
        statements += _tables_of(contract, source, days[source], end)
    until = f"least(coalesce(until, started_at), {end}) AS until"
    statements += [
        QUARANTINE_RESOLVED,
        f"INSERT INTO coverage BY NAME SELECT * FROM raw.{COVERAGE} WHERE day <= {end}::DATE",
        f"INSERT INTO loads BY NAME SELECT * REPLACE ({until}) FROM raw.{LOADS}",
    ]
    statements += [
        f"INSERT INTO {identifier(table)} BY NAME SELECT * FROM raw.{identifier(inventory_of(table))}"
        for table in ALL_INVENTORY_TABLES
    ]
    return _script("Makes the tables of the warehouse from the raw records.", statements)


def analytics_script(contract: Contract, settings: AnalyticsSettings) -> str:
    """The script that makes the analytics from the tables.

    Args:
        contract: The contract.
        settings: The settings of the analytics; ``lookback`` is the pack's period.
    """
    with duckdb.connect() as connection:
        for statement in ("ATTACH ':memory:' AS warehouse", "USE warehouse", "SET TimeZone = 'UTC'"):
            connection.execute(statement)
        for statement in create_statements(contract):
            connection.execute(statement)
        recording = RecordingConnection(connection)
        bring_up(recording, settings, (), has_comments=False)  # type: ignore[arg-type]  # it does what it uses
    statements = [one for one in recording.statements if not one.startswith("COMMENT")]
    return _script("Makes schema analytics, whose views the controls read.", statements)


def _tables_of(contract: Contract, source: str, days: Sequence[str], end: str) -> Iterator[str]:
    yield f"CREATE OR REPLACE TEMP TABLE records AS SELECT * FROM raw.{identifier(records_of(source))}"
    yield f"CREATE OR REPLACE TEMP TABLE sightings AS SELECT * FROM raw.{identifier(sightings_of(source))}"
    texts, facts, *rest = steps(contract)
    yield from (texts, facts, f"DELETE FROM facts WHERE created_at >= {end}", *rest, _NO_SHORT_WAY)
    for table in PARTITIONED if days else ():
        names = [identifier(one.name) for one in partition_columns(contract, table)]
        seen = ", first_seen_at AS last_seen_at" if _has_sightings(contract, table) else ""
        yield (
            f"INSERT INTO {identifier(table)} BY NAME "
            f"SELECT {literal(source)} AS source, {', '.join(names)}, TRY_CAST(day AS DATE) AS day{seen} "
            f"FROM ({partition_rows(contract, table, days)})"
        )
    yield from (f"DROP TABLE temp.{name}" for name in _TEMPORARY)


def _has_sightings(contract: Contract, table: str) -> bool:
    return any(column.name == "last_seen_at" for column in contract.table(table).columns)


def _script(says: str, statements: Iterable[str]) -> str:
    header = "".join(f"-- {line}\n" for line in says.split("\n"))
    return header + "".join(f"\n{statement.strip()};\n" for statement in statements)
