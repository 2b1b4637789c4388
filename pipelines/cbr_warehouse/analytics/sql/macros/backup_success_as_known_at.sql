-- Question: which success rate would the report have shown at an earlier time, day by day?
-- Grain: one row per source and backup day with a backup task known by then that names a resource.
-- Definition: over the tasks as known at known_at, per resource and backup day: protected (a task has status success), else
--   pending (one is running or waiting), else failed (one failed or timed out), else skipped (one was skipped).
-- Arguments: known_at
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: compare with backup_success_daily to see why the number of a past day changed: tasks that arrived late, ended
--   since, or were corrected. The resource is taken from the tasks as they are now.
-- Columns:
--   source: Name of the configured source.
--   backup_day: Backup day.
--   windows: Resources with a backup task.
--   protected: Of them with a successful one.
--   failed: Of them with failures, not protected or pending.
--   skipped: Of them with skipped tasks only.
--   pending: Of them not protected, with a task open at known_at.
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
