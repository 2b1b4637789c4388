-- Question: to which regions was each backup copied, and with what result?
-- Grain: one row per source, backup and destination region with at least one replication task.
-- Definition: replication tasks by source_backup_id and destination_region. first_copied_at is the earliest end
--   (updated_at, else created_at, where that is missing) of a successful one.
-- Settings: none
-- Edge cases: a task that names no destination has the region (unknown). Backups whose making is not in the log are
--   included. A region without a row was never tried for that backup.
-- Columns:
--   source: Name of the configured source.
--   backup_id: Backup that was to be copied.
--   destination_region: Region to copy to, or (unknown).
--   copies_ok: Successful replications.
--   copies_failed: Failed ones.
--   copies_open: Those under way.
--   tries: Replication tasks, of any outcome.
--   first_created_at: When the first was created.
--   first_copied_at: When the first successful one was finished; NULL without a successful copy.
SELECT
    source,
    source_backup_id AS backup_id,
    coalesce(nullif(destination_region, ''), '(unknown)') AS destination_region,
    count(*) FILTER (outcome = 'ok') AS copies_ok,
    count(*) FILTER (outcome = 'fail') AS copies_failed,
    count(*) FILTER (outcome = 'open') AS copies_open,
    count(*) AS tries,
    min(created_at) AS first_created_at,
    min(coalesce(ended_at, updated_at, created_at)) FILTER (outcome = 'ok') AS first_copied_at
FROM analytics.attempt
WHERE source_backup_id IS NOT NULL
GROUP BY source, source_backup_id, coalesce(nullif(destination_region, ''), '(unknown)')
