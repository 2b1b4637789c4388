"""The short way of tasks of which raw holds a single text: no versions to tell apart, none to rank.

Nearly every task is one of these. All other texts are ``contested`` and go through ``versions_sql``.
"""

from collections.abc import Sequence
from pathlib import Path

from cbr_warehouse.contract.columns import Contract
from cbr_warehouse.storage.layout import UNKNOWN_DAY
from cbr_warehouse.storage.sql_text import literal
from cbr_warehouse.tables.engine import parquet
from cbr_warehouse.tables.flatten_sql import child_lists, parsed_record, task_values_list

CONTESTED = f"""
CREATE OR REPLACE TEMP TABLE contested AS
WITH checked AS (
    SELECT content_hash, task_id, day, is_sound, false AS is_stale FROM filed WHERE NOT is_stale
    UNION ALL SELECT content_hash, task_id, day, reason IS NULL, true FROM records),
repeated AS (
    SELECT task_id FROM checked WHERE is_sound GROUP BY task_id HAVING count(*) > 1)
SELECT DISTINCT content_hash FROM checked
WHERE is_stale OR NOT is_sound OR day = {literal(UNKNOWN_DAY)}
   OR task_id IN (FROM repeated) OR task_id IN (SELECT task_id FROM guests)"""
"""Texts that need more than the short way: refused, undated, checked by an older contract, stored twice, or
of a task with several texts or several days. ``records`` holds those that were checked again, and no others.
"""


SEEN_OTHERWISE = """
CREATE OR REPLACE TEMP TABLE seen_otherwise AS
SELECT content_hash, max(sightings.fetched_at) AS last_at,
       min(sightings.fetched_at) FILTER (is_stored OR sightings.load_id = filed.load_id) AS first_at
FROM sightings JOIN filed USING (content_hash)
WHERE sightings.fetched_at <> filed.fetched_at GROUP BY content_hash"""
"""Texts received at other times than their row in the record files says; see ``versions_sql.TEXTS``."""


def alone(contract: Contract, files: Sequence[Path], *, seen_otherwise: bool) -> str:
    """SQL that makes ``alone`` from the texts of record files that are not ``contested``.

    ``accounting`` counts those that are what they were filed as: by the id and the day of their typed values.
    That is no condition of this query, since DuckDB would parse all texts for it, the refused ones too.

    Args:
        contract: The contract.
        files: Record files of the batch's days; a day whose files were all set aside has none.
        seen_otherwise: Whether the table of that name has rows; a join with none costs half of the parsing.
    """
    rows = parquet(files) if files else "no_records"
    seen = "fetched_at AS first_seen_at, fetched_at AS last_seen_at"
    join = ""
    if seen_otherwise:
        seen = """least(fetched_at, coalesce(first_at, fetched_at)) AS first_seen_at,
           greatest(fetched_at, coalesce(last_at, fetched_at)) AS last_seen_at"""
        join = "LEFT JOIN seen_otherwise USING (content_hash)"
    return f"""
CREATE OR REPLACE TEMP TABLE alone AS
WITH parsed AS (
    SELECT * EXCLUDE (extra, task_id), coalesce(extra, '{{}}') AS extra, task_id AS filed_task,
           {parsed_record(contract)} AS r
    FROM {rows} ANTI JOIN contested USING (content_hash) WHERE reason IS NULL),
typed AS (
    SELECT content_hash AS version_hash, 1::BIGINT AS version, day, load_id, filed_task,
           {seen}, record_text, extra, {task_values_list(contract)}, {child_lists(contract)}
    FROM parsed {join})
SELECT * EXCLUDE (filed_task),
       task_id = filed_task AND CAST(CAST(created_at AS DATE) AS VARCHAR) = day AS is_as_filed
FROM typed"""
