-- Question: which success rate would the report have shown at an earlier time, day by day?
-- Grain: one row per source and backup day with a backup task known by then.
-- Definition: as in backup_success_daily, over the tasks as known at known_at.
-- Arguments: known_at
-- Settings: timezone, day_anchor
-- Edge cases: compare with backup_success_daily to see why the number of a past day changed: tasks that came late,
--   ended since, or were corrected.
-- Columns:
--   source: Name of the configured source.
--   backup_day: Backup day.
--   windows: Resources with a backup task.
--   protected: Of them with a successful one.
--   failed: Of them with failures alone.
--   skipped: Of them skipped alone.
--   pending: Of them without success, with a task still open then.
--   final_success_rate: protected / (protected + failed + skipped).
WITH backup AS (
    SELECT
        k.source,
        r.resource_id,
        CAST(timezone(c.timezone, k.created_at) - c.day_anchor AS DATE) AS backup_day,
        bool_or(k.status = 'success') AS is_ok,
        bool_or(k.status IN ('running', 'waiting')) AS is_open,
        bool_or(k.status IN ('failed', 'timeout')) AS is_failed,
        bool_or(k.status = 'skipped') AS is_skipped
    FROM analytics.as_known_at(known_at) AS k
    JOIN analytics.source_clock AS c ON c.source = k.source
    JOIN main.resources AS r
        ON r.source = k.source AND r.task_id = k.task_id AND r.role = 'target' AND r.position = 0
    WHERE k.operation_type = 'backup' AND r.resource_id <> ''
    GROUP BY ALL
)

SELECT
    source,
    backup_day,
    count(*) AS windows,
    count(*) FILTER (is_ok) AS protected,
    count(*) FILTER (NOT is_ok AND NOT is_open AND is_failed) AS failed,
    count(*) FILTER (NOT is_ok AND NOT is_open AND NOT is_failed AND is_skipped) AS skipped,
    count(*) FILTER (NOT is_ok AND is_open) AS pending,
    count(*) FILTER (is_ok)
        / nullif(count(*) FILTER (is_ok OR (NOT is_open AND (is_failed OR is_skipped))), 0) AS final_success_rate
FROM backup
GROUP BY source, backup_day
ORDER BY source, backup_day
