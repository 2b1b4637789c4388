"""When versions of tasks and quarantined records were last seen, from the manifests.

That changes with every load, so partitions do not have it: the warehouse asks for it when it is published.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from cbr_warehouse.raw.files import is_intact
from cbr_warehouse.raw.landing import raw_files
from cbr_warehouse.storage.files import is_file
from cbr_warehouse.storage.layout import UNKNOWN_DAY, DataDirectory
from cbr_warehouse.tables.engine import parquet, reading_tables
from cbr_warehouse.tables.partition_writer import TEXTS

_NO_SIGHTS = """
SELECT NULL::VARCHAR AS content_hash, NULL::VARCHAR AS task_id, NULL::VARCHAR AS day,
       NULL::TIMESTAMPTZ AS fetched_at WHERE false"""

_NO_TEXTS = """
SELECT NULL::VARCHAR AS content_hash, NULL::VARCHAR AS task_id, NULL::VARCHAR AS version_hash,
       NULL::VARCHAR AS record_text, NULL::TIMESTAMPTZ AS last_seen_at, NULL::VARCHAR AS day WHERE false"""

_OF_VERSIONS = """
CREATE OR REPLACE TEMP TABLE version_sightings AS
WITH seen AS (
    SELECT content_hash, any_value(task_id) AS task_id, max(fetched_at) AS last_seen_at
    FROM sights GROUP BY content_hash),
printed AS (SELECT DISTINCT content_hash, task_id, version_hash FROM known WHERE version_hash IS NOT NULL),
dated AS (
    -- A text that the tables know no more of is the only one of its version.
    SELECT coalesce(printed.task_id, seen.task_id) AS task_id,
           coalesce(printed.version_hash, seen.content_hash) AS version_hash, last_seen_at
    FROM seen LEFT JOIN printed USING (content_hash)
    UNION ALL SELECT task_id, version_hash, last_seen_at FROM known WHERE version_hash IS NOT NULL)
SELECT task_id, version_hash, max(last_seen_at) AS last_seen_at FROM dated GROUP BY ALL"""

_OF_REFUSED = """
CREATE OR REPLACE TEMP TABLE quarantine_sightings AS
WITH dated AS (
    SELECT record_text, fetched_at AS last_seen_at
    FROM known JOIN sights USING (content_hash)
    -- What was refused without a day was seen last when that happened, though it was sound later.
    WHERE record_text IS NOT NULL AND (known.day <> 'unknown' OR sights.day = 'unknown')
    UNION ALL SELECT record_text, last_seen_at FROM known WHERE record_text IS NOT NULL)
SELECT record_text, max(last_seen_at) AS last_seen_at FROM dated GROUP BY record_text"""


def fill_last_seen(
    engine: duckdb.DuckDBPyConnection,
    directory: DataDirectory,
    source: str,
    days: Collection[str],
    since: str | None,
) -> str | None:
    """Makes the temporary tables ``version_sightings`` and ``quarantine_sightings``.

    They have ``last_seen_at`` (UTC) by ``task_id`` and ``version_hash``, and by ``record_text``. Rows in
    neither were last seen when they were first seen. A sighting may be reported again: the latest counts.

    Args:
        engine: Where the tables are made.
        directory: The data directory.
        source: Name of the source.
        days: Days of which every sighting is wanted, ``unknown`` among them.
        since: Of all other days, sightings from this on; None for all of them.

    Returns:
        What to pass as ``since`` the next time; None before the first sighting.

    Raises:
        StorageError: A file could not be read.
    """
    files = {
        day: raw_files(directory.raw_day("manifests", source, day)) for day in directory.raw_days(source)
    }
    # A text filed under a day may have been seen under none before.
    whole = {*days, UNKNOWN_DAY} if days else set()
    wanted = {
        day: [path for path in own if day in whole or since is None or path.name >= since]
        for day, own in files.items()
    }
    undated = raw_files(directory.raw_day("records", source, UNKNOWN_DAY)) if whole else []
    concerned = whole | {day for day, own in wanted.items() if own}
    known = [path for day in sorted(concerned) if is_file(path := directory.partition(TEXTS, source, day))]
    sights = [path for own in wanted.values() for path in own]
    _fill_sights(engine, [sights, undated])
    columns = "content_hash, task_id, version_hash, record_text, last_seen_at, day"
    texts = f"UNION ALL SELECT {columns} FROM {parquet(known)}" if known else ""
    with reading_tables(directory):
        engine.execute(f"CREATE OR REPLACE TEMP TABLE known AS {_NO_TEXTS} {texts}")
    engine.execute(_OF_VERSIONS)
    engine.execute(_OF_REFUSED)
    engine.execute("DROP TABLE sights")
    engine.execute("DROP TABLE known")
    return max(_loads(path for own in files.values() for path in own), default=since)


def _fill_sights(engine: duckdb.DuckDBPyConnection, groups: list[list[Path]]) -> None:
    """Makes ``sights`` from raw files; those of each group have the same columns.

    A damaged file whose day the source no longer serves stays in its place, and is left out.
    """
    columns = "content_hash, task_id, day, fetched_at"
    try:
        parts = [f"UNION ALL SELECT {columns} FROM {parquet(files)}" for files in groups if files]
        engine.execute(f"CREATE OR REPLACE TEMP TABLE sights AS {_NO_SIGHTS} {' '.join(parts)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        intact = [[path for path in files if is_intact(path)] for files in groups]
        if intact == groups:
            raise
        # What cannot be read ends the caller's transaction, if there is one; nothing was written in it yet.
        with suppress(duckdb.TransactionException):
            engine.execute("ROLLBACK")
            engine.execute("BEGIN")
        _fill_sights(engine, intact)


def _loads(files: Iterable[Path]) -> Iterator[str]:
    """The ids of the loads that wrote raw files, of a compacted one that of the newest in it."""
    for path in files:
        stem = path.name.rpartition("-")[0].partition("~")[0]
        yield stem.rpartition("-")[0]
