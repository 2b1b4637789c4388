-- Question: how often do backups begin to fail, and how long does it take until they work again?
-- Grain: one row per source with a resource, over all history.
-- Definition: MTTR, the time to recover, in three variants: median and mean duration of recovered streaks, and the length
--   of all streaks (unrecovered ones up to where they are censored) divided by the number of recoveries. MTBF =
--   observed_resource_days / streaks: by starts of streaks, not by failures. A resource is observed from its first attempt to
--   its removal, the watermark of a source excluded from analytics.as_of, or analytics.as_of, whichever is first.
-- Settings: none
-- Edge cases: statistics of recovered streaks alone are too low while long ones are open: compare mttr_total_time_hours. NULL
--   without a recovery (MTTR) or without a streak (MTBF).
-- Columns:
--   source: Name of the configured source.
--   resources: Resources observed.
--   streaks: Series of failures (failing_streaks).
--   closed: Of them recovered.
--   open: Of them open.
--   ended_by_removal: Of them ended by the removal of the resource.
--   not_loaded: Of them unrecovered at the watermark of their source, which is excluded.
--   failures: Failed attempts in all of them.
--   mttr_closed_median_hours: Median length of recovered streaks.
--   mttr_closed_mean_hours: Mean length of recovered streaks.
--   failing_hours: Length of all streaks, unrecovered ones as far as observed.
--   mttr_total_time_hours: failing_hours / closed.
--   observed_resource_days: Days in which resources were observed, summed.
--   mtbf_resource_days: observed_resource_days / streaks.
WITH observed AS (
    SELECT
        r.source,
        count(*) AS resources,
        CASE
            WHEN any_value(o.as_of) IS NOT NULL
                THEN sum(greatest(0, epoch_us(least(r.removed_at, r.not_loaded_since, o.as_of)) - epoch_us(r.first_attempt_at))) / 86400000000
        END AS days
    FROM analytics.resource AS r
    CROSS JOIN analytics.as_of AS o
    GROUP BY r.source
),

failing AS (
    SELECT
        source,
        count(*) AS streaks,
        count(*) FILTER (ended_by = 'recovery') AS closed,
        count(*) FILTER (is_open) AS open,
        count(*) FILTER (ended_by = 'removal') AS ended_by_removal,
        count(*) FILTER (ended_by = 'not_loaded') AS not_loaded,
        sum(failures)::BIGINT AS failures,
        round(median((duration_hours * 3600000000)::BIGINT), 2) / 3600000000 AS median_hours,
        sum(duration_hours::DECIMAL(18, 9))::DOUBLE AS closed_hours,
        sum(coalesce(duration_hours, censored_hours)::DECIMAL(18, 9))::DOUBLE AS failing_hours
    FROM analytics.failing_streaks
    GROUP BY source
)

SELECT
    o.source,
    o.resources,
    coalesce(f.streaks, 0) AS streaks,
    coalesce(f.closed, 0) AS closed,
    coalesce(f.open, 0) AS open,
    coalesce(f.ended_by_removal, 0) AS ended_by_removal,
    coalesce(f.not_loaded, 0) AS not_loaded,
    coalesce(f.failures, 0) AS failures,
    f.median_hours AS mttr_closed_median_hours,
    f.closed_hours / nullif(f.closed, 0) AS mttr_closed_mean_hours,
    coalesce(f.failing_hours, 0) AS failing_hours,
    f.failing_hours / nullif(f.closed, 0) AS mttr_total_time_hours,
    o.days AS observed_resource_days,
    o.days / nullif(f.streaks, 0) AS mtbf_resource_days
FROM observed AS o
LEFT JOIN failing AS f USING (source)
