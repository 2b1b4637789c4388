-- Question: how long do tasks wait before they start, and at which hours?
-- Grain: one row per source, operation type and local hour of creation, in the lookback that ends at
--   analytics.as_of.
-- Definition: queue wait is started - created, at least 0. Start delay of scheduled backups is started minus the
--   expected slot that the task belongs to (the newest quarter of an hour at or before its creation).
-- Settings: lookback, timezone
-- Edge cases: clocks differ by milliseconds: a start before the creation is a wait of 0 and counted as clamped.
--   Tasks that never started are not in it; they are in open_tasks.
-- Columns:
--   source: Name of the configured source.
--   operation_type: Task type.
--   local_hour: Hour of creation, 0 to 23, in the set time zone.
--   tasks: Tasks that started.
--   wait_p50_seconds: Median queue wait.
--   wait_p95_seconds: 95th percentile.
--   wait_max_seconds: Longest.
--   clamped: Tasks that started before they were created.
--   delay_p50_seconds: Median start delay of scheduled backups.
--   delay_p95_seconds: 95th percentile of it.
SELECT
    a.source,
    a.operation_type,
    hour(a.created_local) AS local_hour,
    count(*) AS tasks,
    quantile_cont(a.wait_seconds, 0.5) AS wait_p50_seconds,
    quantile_cont(a.wait_seconds, 0.95) AS wait_p95_seconds,
    max(a.wait_seconds) AS wait_max_seconds,
    count(*) FILTER (a.is_wait_clamped) AS clamped,
    quantile_cont(a.wait_seconds + epoch(a.created_local) % 900, 0.5) FILTER (
        a.operation_type = 'backup' AND a.is_scheduled
    ) AS delay_p50_seconds,
    quantile_cont(a.wait_seconds + epoch(a.created_local) % 900, 0.95) FILTER (
        a.operation_type = 'backup' AND a.is_scheduled
    ) AS delay_p95_seconds
FROM analytics.attempt AS a
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE a.started_at IS NOT NULL AND a.created_at > o.as_of - to_seconds(epoch(s.lookback))
    AND a.created_at < o.as_of
GROUP BY a.source, a.operation_type, hour(a.created_local)
ORDER BY a.source, a.operation_type, local_hour
