-- Question: since when do backups of a resource take many times as long as before?
-- Grain: one row per source, resource, kind (full, incremental, not stated) and jump.
-- Definition: outliers are found as in long_running, over the signal_window: more than twice the median of the up to 28
--   successful backups before of the same resource and kind, at least 10, more than 600 s longer, and a robust z-score
--   above anomaly_z. Outliers with at most 7 other such backups between two of them are one jump; the alarm is raised when
--   the first of them ends.
-- Settings: anomaly_z, signal_window
-- Edge cases: as in long_running. An incident of the region that slows backups down makes them jump too. Once half of the 28
--   backups before are as slow, slow is usual: a jump that lasts ends there.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Its name at the time.
--   vault_id: Vault.
--   vault_name: Its name.
--   is_full: Whether they are full backups.
--   outliers: Outliers of the jump.
--   first_task_id: First of them.
--   began_at: When the first of them was created.
--   raised_at: When the first of them ended.
--   last_at: When the last of them was created.
--   baseline_median_seconds: Median duration before the first.
--   duration_seconds: Duration of the first.
--   times_median: duration_seconds / baseline_median_seconds.
WITH span AS (
    -- Once, not for each task: time zones and intervals are slow to compute.
    SELECT o.as_of - to_seconds(epoch(s.signal_window)) AS from_at, o.as_of AS to_at
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

timed AS NOT MATERIALIZED (
    SELECT
        source,
        task_id,
        resource_id,
        resource_name,
        vault_id,
        vault_name,
        is_full,
        created_at,
        ended_at,
        duration_seconds,
        greatest(1, duration_seconds) AS seconds
    FROM analytics.attempt
    WHERE operation_type = 'backup' AND outcome = 'ok' AND resource_id IS NOT NULL AND duration_seconds IS NOT NULL
),

-- Only where the longest of the window stands out from the shortest can one stand out from a median: few are ordered.
conspicuous AS (
    SELECT t.source, t.resource_id, t.is_full, min(t.duration_seconds) AS shortest
    FROM timed AS t
    CROSS JOIN span AS p
    GROUP BY t.source, t.resource_id, t.is_full
    HAVING max(t.duration_seconds) FILTER (
            t.created_at >= p.from_at AND t.created_at < p.to_at
        ) > greatest(2 * min(t.duration_seconds), min(t.duration_seconds) + 600)
        AND count(*) > 10
),

numbered AS (
    SELECT
        t.*,
        c.shortest,
        row_number() OVER (
            PARTITION BY t.source, t.resource_id, t.is_full ORDER BY t.created_at ASC, t.task_id ASC
        ) AS place
    FROM timed AS t
    JOIN conspicuous AS c
        ON c.source = t.source AND c.resource_id = t.resource_id AND c.is_full IS NOT DISTINCT FROM t.is_full
),

candidate AS (
    SELECT t.*
    FROM numbered AS t
    CROSS JOIN span AS p
    WHERE t.place > 10 AND t.seconds > greatest(2 * t.shortest, t.shortest + 600)
        AND t.created_at >= p.from_at AND t.created_at < p.to_at
),

baseline AS (
    SELECT
        c.source,
        c.task_id,
        count(*) AS n,
        median(b.seconds) AS median_seconds,
        median(ln(b.seconds)) AS median_ln,
        mad(ln(b.seconds)) AS mad_ln
    FROM candidate AS c
    JOIN numbered AS b
        ON b.source = c.source AND b.resource_id = c.resource_id AND b.is_full IS NOT DISTINCT FROM c.is_full
        AND b.place < c.place AND b.place >= c.place - 28
    GROUP BY c.source, c.task_id
),

outlier AS (
    SELECT
        c.*,
        b.median_seconds,
        c.place - lag(c.place) OVER (
            PARTITION BY c.source, c.resource_id, c.is_full ORDER BY c.place ASC
        ) AS since_last
    FROM candidate AS c
    JOIN baseline AS b ON b.source = c.source AND b.task_id = c.task_id
    CROSS JOIN analytics.settings AS s
    WHERE c.seconds > greatest(2 * b.median_seconds, b.median_seconds + 600)
        AND (ln(c.seconds) - b.median_ln) / greatest(1.4826 * b.mad_ln, ln(1.05)) > s.anomaly_z
),

jumped AS (
    SELECT
        *,
        count(*) FILTER (since_last IS NULL OR since_last > 8) OVER (
            PARTITION BY source, resource_id, is_full ORDER BY place ASC
        ) AS jump
    FROM outlier
)

SELECT
    source,
    resource_id,
    arg_min(resource_name, place) AS resource_name,
    arg_min(vault_id, place) AS vault_id,
    arg_min(vault_name, place) AS vault_name,
    is_full,
    count(*) AS outliers,
    arg_min(task_id, place) AS first_task_id,
    min(created_at) AS began_at,
    arg_min(ended_at, place) AS raised_at,
    max(created_at) AS last_at,
    arg_min(median_seconds, place) AS baseline_median_seconds,
    arg_min(seconds, place) AS duration_seconds,
    arg_min(seconds / median_seconds, place) AS times_median
FROM jumped
GROUP BY source, resource_id, is_full, jump
