-- Question: once backups fail with a code, how long until they work again, open cases counted honestly?
-- Grain: one row per source, error code (NULL: all codes) and moment at which a streak recovered.
-- Definition: Kaplan-Meier estimate: survival is the estimated share of streaks that still fail after so many hours.
--   Streaks that have not recovered are censored at their resource's removal or at the watermark.
-- Settings: none
-- Edge cases: over all history, by the code of the first failure. Where survival never falls to one half, the median
--   is not known yet. With few at risk the curve is coarse: at_risk stands beside.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, (none), or NULL for all together.
--   hours: Time since the first failure.
--   at_risk: Streaks that lasted at least so long.
--   recovered: Of them recovered at that time.
--   survival: Estimated share still failing after it.
--   streaks: All streaks of this code.
--   censored: Of them not recovered: still open, or ended by removal.
WITH streak AS (
    SELECT
        source,
        coalesce(first_error_code, '(none)') AS error_code,
        coalesce(duration_hours, censored_hours) AS hours,
        recovered_at IS NOT NULL AS is_recovered
    FROM analytics.failing_streaks
),

both_ways AS (
    SELECT source, error_code, hours, is_recovered FROM streak
    UNION ALL
    SELECT source, NULL, hours, is_recovered FROM streak
),

moment AS (
    SELECT source, error_code, hours, count(*) AS leaving, count(*) FILTER (is_recovered) AS recovered
    FROM both_ways
    WHERE hours IS NOT NULL
    GROUP BY ALL
),

risk AS (
    SELECT
        *,
        sum(leaving) OVER (
            PARTITION BY source, error_code ORDER BY hours ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS at_risk,
        sum(leaving) OVER (PARTITION BY source, error_code) AS streaks,
        sum(leaving - recovered) OVER (PARTITION BY source, error_code) AS censored
    FROM moment
),

estimated AS (
    -- A product as a sum of logarithms; where everyone left recovers, it is 0 from there on.
    SELECT
        *,
        sum(CASE WHEN recovered < at_risk THEN ln(1 - recovered / at_risk) ELSE 0 END) OVER through AS log_survival,
        bool_or(recovered = at_risk) OVER through AS is_over
    FROM risk
    WINDOW through AS (PARTITION BY source, error_code ORDER BY hours ROWS UNBOUNDED PRECEDING)
)

SELECT
    source,
    error_code,
    hours,
    at_risk::BIGINT AS at_risk,
    recovered,
    CASE WHEN is_over THEN 0.0 ELSE exp(log_survival) END AS survival,
    streaks::BIGINT AS streaks,
    censored::BIGINT AS censored
FROM estimated
WHERE recovered > 0
ORDER BY source, error_code NULLS FIRST, hours
