-- Question: how long do tasks take, and do backups take longer than the time between them?
-- Grain: one row per source, operation type, resource type, full or incremental, and outcome (ok, fail), in the lookback.
-- Definition: seconds from started_at to ended_at of tasks created in the lookback that ends at analytics.as_of. Percentiles
--   interpolate between the two nearest tasks. A backup is an overrun if it took longer than backup_interval of its
--   resource; overrun rate = overruns / n.
-- Settings: lookback; for overruns also default_interval and [[schedules]] (through analytics.resource)
-- Edge cases: failures have rows of their own: they end early or, timed out, late. Open and skipped tasks, and those whose
--   end is before their start, have no duration. Percentiles of several rows cannot be averaged: compute them from
--   analytics.attempt.
-- Columns:
--   source: Name of the configured source.
--   operation_type: Task type.
--   resource_type: Type of the resource; (unknown) where it is missing.
--   is_full: Whether they are full backups; NULL of other tasks and where it is missing.
--   outcome: ok or fail.
--   n: Tasks with a duration.
--   p50_seconds: Half of them took no longer.
--   p95_seconds: 95 % of them took no longer.
--   p99_seconds: 99 % of them took no longer.
--   max_seconds: The longest.
--   mean_seconds: Mean.
--   total_seconds: Sum.
--   overruns: Backups that took longer than the interval of their resource; NULL of other tasks.
--   overrun_rate: overruns / n; NULL of other tasks.
WITH
-- include lookback
,

timed AS (
    SELECT
        a.source,
        a.operation_type,
        coalesce(a.resource_type, '(unknown)') AS resource_type,
        a.is_full,
        a.outcome,
        a.duration_seconds,
        a.operation_type = 'backup' AND a.duration_seconds > epoch(r.backup_interval) AS is_overrun
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    LEFT JOIN analytics.resource AS r ON r.source = a.source AND r.resource_id = a.resource_id
    WHERE a.outcome IN ('ok', 'fail')
        AND a.duration_seconds IS NOT NULL
        AND a.created_at >= p.from_at
        AND a.created_at < p.to_at
),

grouped AS (
    SELECT
        source,
        operation_type,
        resource_type,
        is_full,
        outcome,
        count(*) AS n,
        quantile_cont((duration_seconds * 1000000)::BIGINT, [0.5, 0.95, 0.99]) AS percentiles,
        max(duration_seconds) AS max_seconds,
        sum(duration_seconds::DECIMAL(18, 6))::DOUBLE AS total_seconds,
        CASE WHEN operation_type = 'backup' THEN count(*) FILTER (is_overrun) END AS overruns
    FROM timed
    GROUP BY source, operation_type, resource_type, is_full, outcome
)

SELECT
    source,
    operation_type,
    resource_type,
    is_full,
    outcome,
    n,
    round(percentiles[1], 2) / 1000000 AS p50_seconds,
    round(percentiles[2], 2) / 1000000 AS p95_seconds,
    round(percentiles[3], 2) / 1000000 AS p99_seconds,
    max_seconds,
    total_seconds / n AS mean_seconds,
    total_seconds,
    overruns,
    overruns / n AS overrun_rate
FROM grouped
