-- Question: which backups took far longer than usual for their resource?
-- Grain: one row per source and successful backup task of the lookback that is an outlier.
-- Definition: the baseline is the up to 28 successful backups before it of the same resource and kind (full, incremental, not
--   stated), at least 10. It is an outlier if it took more than twice their median and more than 600 s longer, and its robust
--   z-score, (ln duration - median of ln) / (1.4826 * MAD of ln), is above anomaly_z.
-- Settings: lookback, anomaly_z
-- Edge cases: the baseline does not contain the task itself and may reach back before the lookback. Durations in it below a
--   second count as a second; a spread below ln(1.05) counts as that, so that an even history can be judged. Tasks still
--   open are in open_tasks; failed ones are in no baseline and not judged.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   resource_id: Resource.
--   resource_name: Its name at the time.
--   resource_type: Its type.
--   vault_id: Vault.
--   vault_name: Its name.
--   is_full: Whether it is a full backup.
--   created_at: When it was created.
--   started_at: When it started.
--   ended_at: When it ended.
--   duration_seconds: Its duration.
--   baseline_n: Backups in its baseline.
--   baseline_median_seconds: Median duration of the baseline.
--   times_median: duration_seconds / baseline_median_seconds.
--   z: Robust z-score.
WITH
-- include lookback
,

timed AS (
    SELECT source, task_id, resource_id, is_full, created_at, duration_seconds
    FROM analytics.attempt
    WHERE operation_type = 'backup' AND outcome = 'ok' AND resource_id IS NOT NULL
        AND duration_seconds IS NOT NULL
),

-- Only where the longest of the lookback stands out from the shortest can one stand out from a median.
conspicuous AS (
    SELECT t.source, t.resource_id, t.is_full, min(t.duration_seconds) AS shortest
    FROM timed AS t
    CROSS JOIN span AS p
    GROUP BY t.source, t.resource_id, t.is_full
    HAVING max(t.duration_seconds) FILTER (t.created_at >= p.from_at)
        > greatest(2 * min(t.duration_seconds), min(t.duration_seconds) + 600)
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

history AS (
    SELECT
        source,
        resource_id,
        is_full,
        list(greatest(1000000, (duration_seconds * 1000000)::BIGINT) ORDER BY place ASC) AS durations
    FROM numbered
    GROUP BY source, resource_id, is_full
),

candidate AS (
    SELECT
        n.source,
        n.task_id,
        n.duration_seconds,
        list_sort(h.durations[greatest(1, n.place - 28):n.place - 1]) AS baseline
    FROM numbered AS n
    CROSS JOIN span AS p
    JOIN history AS h
        ON h.source = n.source AND h.resource_id = n.resource_id AND h.is_full IS NOT DISTINCT FROM n.is_full
    WHERE n.place > 10
        AND n.created_at >= p.from_at
        AND n.created_at < p.to_at
        AND n.duration_seconds > greatest(2 * n.shortest, n.shortest + 600)
),

-- The median of an ordered list is the mean of its two middle values, which are the same one where its length is odd.
centered AS (
    SELECT
        *,
        (baseline[(len(baseline) + 1) // 2] + baseline[len(baseline) // 2 + 1]) / 2000000 AS median_seconds,
        (ln(baseline[(len(baseline) + 1) // 2] / 1000000) + ln(baseline[len(baseline) // 2 + 1] / 1000000)) / 2
            AS median_ln
    FROM candidate
),

spread AS (
    SELECT *, list_sort(list_transform(baseline, lambda d: abs(ln(d / 1000000) - median_ln))) AS deviations
    FROM centered
    WHERE duration_seconds > greatest(2 * median_seconds, median_seconds + 600)
),

judged AS (
    SELECT
        source,
        task_id,
        len(baseline) AS baseline_n,
        median_seconds AS baseline_median_seconds,
        duration_seconds / median_seconds AS times_median,
        (ln(duration_seconds) - median_ln) / greatest(
            1.4826 * (deviations[(len(deviations) + 1) // 2] + deviations[len(deviations) // 2 + 1]) / 2, ln(1.05)
        ) AS z
    FROM spread
)

SELECT
    a.source,
    a.task_id,
    a.resource_id,
    a.resource_name,
    a.resource_type,
    a.vault_id,
    a.vault_name,
    a.is_full,
    a.created_at,
    a.started_at,
    a.ended_at,
    a.duration_seconds,
    j.baseline_n,
    j.baseline_median_seconds,
    j.times_median,
    j.z
FROM judged AS j
CROSS JOIN analytics.settings AS s
JOIN analytics.attempt AS a USING (source, task_id)
WHERE j.z > s.anomaly_z
