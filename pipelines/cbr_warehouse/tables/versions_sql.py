"""The steps from raw records to versions of tasks, as SQL derived from the contract.

For texts that are ``contested``: all others take the short way of ``single_texts``. Each step makes one
temporary table from the one before: ``records`` and ``sightings`` (filled by ``raw_view``), ``texts`` (each
distinct text once, when first and last seen), ``facts`` (its typed values, children included), ``versions``
(each distinct set of facts of a task) and ``newest``.
"""

from cbr_warehouse.contract.columns import ColumnType, Contract, Table
from cbr_warehouse.contract.endpoint import TASKS
from cbr_warehouse.storage.sql_text import identifier
from cbr_warehouse.tables.flatten_sql import child_lists, parsed_record, task_values, task_values_list

TEXTS = """
CREATE OR REPLACE TEMP TABLE texts AS
WITH seen_at AS (
    SELECT content_hash, day = 'unknown' AS is_undated, fetched_at, true AS is_first FROM records
    UNION ALL
    SELECT content_hash, day = 'unknown', fetched_at,
           is_stored OR (content_hash, load_id) IN (SELECT content_hash, load_id FROM records)
    FROM sightings),
seen AS (
    SELECT content_hash, false AS is_undated,
           min(fetched_at) FILTER (is_first) AS first_seen_at, max(fetched_at) AS last_seen_at
    FROM seen_at GROUP BY content_hash
    UNION ALL
    SELECT content_hash, true, min(fetched_at) FILTER (is_first), max(fetched_at)
    FROM seen_at WHERE is_undated GROUP BY content_hash)
SELECT records.* EXCLUDE (fetched_at, refused), max(refused) OVER copies AS refused,
       seen.first_seen_at, seen.last_seen_at
FROM records JOIN seen
  ON seen.content_hash = records.content_hash AND seen.is_undated = (records.day = 'unknown')
WINDOW copies AS (PARTITION BY records.content_hash, records.day = 'unknown')
QUALIFY row_number() OVER (
    PARTITION BY records.content_hash, records.day = 'unknown'
    ORDER BY reason IS NOT NULL, fetched_at, load_id, day
) = 1
"""
"""One row per distinct text; when raw holds one twice, the first that is sound: a crash may have made
two of one, and a time too far ahead is valid once it is near.

A text that was filed under its day later is also under ``unknown``, where it was rejected; it was seen
first when it was refused, and what is refused was seen last when it was. Only sightings of the load that
stored a text can be earlier than its row; those of later loads are not, whatever a clock said.
"""

NEWEST_FIRST = "date_trunc('millisecond', updated_at) DESC NULLS LAST, last_seen_at DESC, version_hash DESC"
"""The order of a task's versions, its current one first."""

NEWEST = f"""
CREATE OR REPLACE TEMP TABLE newest AS
SELECT * FROM versions WHERE rowid IN (
    SELECT rowid FROM versions
    QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY {NEWEST_FIRST}) = 1)
"""
"""One row per task: latest updated_at at millisecond precision first, then the one seen last.

Rows are ranked without their values: a window function copies and sorts all columns that its query has.
"""

ORDERED_BY_SIGHT = """
SELECT DISTINCT CAST(CAST(newest.created_at AS DATE) AS VARCHAR)
FROM newest JOIN versions ON versions.task_id = newest.task_id AND versions.version <> newest.version
 AND date_trunc('millisecond', versions.updated_at)
     IS NOT DISTINCT FROM date_trunc('millisecond', newest.updated_at)"""
"""Days of tasks whose newest version is newest only because it was seen last."""


def steps(contract: Contract) -> tuple[str, ...]:
    """All steps, in order; each replaces its temporary table."""
    return TEXTS, facts(contract), versions(contract), NEWEST


def facts(contract: Contract) -> str:
    """SQL that makes ``facts`` from the sound rows of ``texts``.

    Times enter the hash at millisecond precision, because the same instant may be printed with
    fewer digits later (``parse_instant`` lists the forms).
    """
    tasks = contract.table(TASKS.table)
    named = (*task_values(tasks), "extra", *TASKS.child_tables)
    hashed = ", ".join(f"{identifier(name)} := {_hashable(tasks, name)}" for name in named)
    return f"""
CREATE OR REPLACE TEMP TABLE facts AS
WITH parsed AS (
    SELECT * EXCLUDE (normal, extra), coalesce(extra, '{{}}') AS extra,
           {parsed_record(contract)} AS r
    FROM (SELECT * EXCLUDE (task_id, reason) FROM texts WHERE reason IS NULL AND day <> 'unknown')),
typed AS (
    SELECT content_hash, load_id, day AS filed_under, first_seen_at, last_seen_at, record_text, extra,
           {task_values_list(contract)}, {child_lists(contract)}
    FROM parsed)
SELECT *, md5(to_json(struct_pack({hashed}))::VARCHAR) AS facts_hash FROM typed"""


def versions(contract: Contract) -> str:
    """SQL that makes ``versions`` from ``facts``; of two prints of one instant the more precise is kept.

    A version is identified by the hash of the text it was first received as (``version_hash``), which costs
    nothing where it is the only one; equal facts are found by ``facts_hash``. Keys are grouped twice: to rank
    rows of ``grouped``, DuckDB would keep all their columns, which takes half as long again.
    """
    tasks = contract.table(TASKS.table)
    columns = ", ".join(
        f"{_kept(tasks, name)} AS {identifier(name)}" for name in task_values(tasks) if name != "task_id"
    )
    children = ", ".join(
        f"any_value({identifier(name)}) AS {identifier(name)}" for name in TASKS.child_tables
    )
    return f"""
CREATE OR REPLACE TEMP TABLE versions AS
WITH grouped AS (
    SELECT task_id, facts_hash, {columns}, any_value(extra) AS extra, {children},
           min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
           arg_min(record_text, (first_seen_at, content_hash)) AS record_text,
           arg_min(load_id, (first_seen_at, content_hash)) AS load_id,
           arg_min(content_hash, (first_seen_at, content_hash)) AS version_hash
    FROM facts GROUP BY task_id, facts_hash),
counted AS (
    SELECT task_id, facts_hash, row_number() OVER (
        PARTITION BY task_id
        ORDER BY date_trunc('millisecond', updated_at) NULLS FIRST, first_seen_at, version_hash) AS version
    FROM (
        SELECT task_id, facts_hash, {_kept(tasks, "updated_at")} AS updated_at,
               min(first_seen_at) AS first_seen_at,
               arg_min(content_hash, (first_seen_at, content_hash)) AS version_hash
        FROM facts GROUP BY task_id, facts_hash))
SELECT grouped.*, version FROM grouped JOIN counted USING (task_id, facts_hash)"""


def _hashable(tasks: Table, name: str) -> str:
    is_time = name not in TASKS.child_tables and tasks.column(name).type is ColumnType.INSTANT
    return f"date_trunc('millisecond', {identifier(name)})" if is_time else identifier(name)


def _kept(tasks: Table, name: str) -> str:
    return f"{'max' if tasks.column(name).type is ColumnType.INSTANT else 'any_value'}({identifier(name)})"
