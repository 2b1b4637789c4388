-- Question: how long do tasks wait before they start, and at which hours?
-- Grain: one row per source, operation type and local hour of creation, in the lookback that ends at analytics.as_of.
-- Definition: queue wait is started_at - created_at, at least 0. Start delay of a scheduled backup is started_at minus the
--   slot of its run (schedule_run): the latest expected slot of the schedule (schedule_slot) of that day within the hour
--   up to slot_local, else slot_local itself, the quarter of an hour in which the run started.
-- Settings: lookback, timezone (of the source, else the global one)
-- Edge cases: a start before the creation (clocks differ by milliseconds) is a wait of 0, counted in clamped. Tasks that
--   never started are not counted; see open_tasks. Where a policy needs hours to create its tasks, the delay of the last
--   ones is as long. Percentiles interpolate between the two nearest values.
-- Columns:
--   source: Name of the configured source.
--   operation_type: Task type.
--   local_hour: Hour of creation, 0 to 23, on the source's local clock.
--   tasks: Tasks that started.
--   wait_p50_seconds: Median queue wait.
--   wait_p95_seconds: 95th percentile.
--   wait_max_seconds: Longest.
--   clamped: Tasks that started before they were created.
--   delay_p50_seconds: Median start delay of scheduled backups; NULL of other tasks.
--   delay_p95_seconds: 95th percentile of it.
WITH expected AS (
    SELECT e.source, e.schedule_id, e.weekday, e.time_of_day, e.expected_from, e.expected_until
    FROM analytics.schedule_slot AS e
    WHERE e.is_expected
),

-- An inner join first: DuckDB compares every run with every expected time in a left join by these conditions.
planned AS (
    SELECT r.source, r.schedule_id, r.run_started_at, max(r.slot_local::DATE + e.time_of_day) AS slot_local
    FROM analytics.schedule_run AS r
    JOIN expected AS e
        ON e.source = r.source AND e.schedule_id = r.schedule_id AND e.weekday = isodow(r.slot_local)
        AND r.slot_local::DATE + e.time_of_day <= r.slot_local
        AND r.slot_local::DATE + e.time_of_day > r.slot_local - INTERVAL 1 HOUR
        AND r.slot_local::DATE + e.time_of_day >= e.expected_from
        AND coalesce(r.slot_local::DATE + e.time_of_day <= e.expected_until, true)
    GROUP BY r.source, r.schedule_id, r.run_started_at
),

run AS (
    SELECT r.source, r.schedule_id, r.run_started_at, coalesce(p.slot_local, r.slot_local) AS slot_local
    FROM analytics.schedule_run AS r
    LEFT JOIN planned AS p
        ON p.source = r.source AND p.schedule_id = r.schedule_id AND p.run_started_at = r.run_started_at
),

-- include lookback
,

started AS (
    -- Within coalesce the planner does not take the conditions for selective; the ASOF join below would become a loop.
    SELECT
        a.source,
        a.operation_type,
        a.schedule_id,
        a.created_at,
        a.started_at,
        a.is_wait_clamped,
        hour(a.created_local) AS local_hour,
        greatest(0, epoch_us(a.started_at) - epoch_us(a.created_at)) AS wait_us,
        a.operation_type = 'backup' AND a.schedule_id IS NOT NULL AS has_slot
    FROM analytics.attempt AS a
    CROSS JOIN span AS p
    WHERE coalesce(a.started_at IS NOT NULL AND a.created_at > p.from_at AND a.created_at < p.to_at, false)
),

scheduled AS (
    SELECT t.*, r.run_started_at
    FROM (SELECT * FROM started WHERE coalesce(has_slot, false)) AS t
    ASOF JOIN analytics.schedule_run AS r
        ON r.source = t.source AND r.schedule_id = t.schedule_id AND t.created_at >= r.run_started_at
),

delayed AS (
    SELECT source, operation_type, local_hour, wait_us, is_wait_clamped, NULL AS delay_us
    FROM started
    WHERE NOT coalesce(has_slot, false)
    UNION ALL
    SELECT
        t.source,
        t.operation_type,
        t.local_hour,
        t.wait_us,
        t.is_wait_clamped,
        epoch_us(timezone(c.timezone, greatest(t.started_at, t.created_at))) - epoch_us(r.slot_local)
    FROM scheduled AS t
    JOIN run AS r
        ON r.source = t.source AND r.schedule_id = t.schedule_id AND r.run_started_at = t.run_started_at
    JOIN analytics.source_clock AS c ON c.source = t.source
)

SELECT
    source,
    operation_type,
    local_hour,
    count(*) AS tasks,
    round(quantile_cont(wait_us, 0.5), 2) / 1000000 AS wait_p50_seconds,
    round(quantile_cont(wait_us, 0.95), 2) / 1000000 AS wait_p95_seconds,
    max(wait_us) / 1000000 AS wait_max_seconds,
    count(*) FILTER (is_wait_clamped) AS clamped,
    round(quantile_cont(delay_us, 0.5), 2) / 1000000 AS delay_p50_seconds,
    round(quantile_cont(delay_us, 0.95), 2) / 1000000 AS delay_p95_seconds
FROM delayed
GROUP BY source, operation_type, local_hour
