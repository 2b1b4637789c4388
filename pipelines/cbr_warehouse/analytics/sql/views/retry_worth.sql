-- Question: after a failure with this code, does a retry help, or does someone have to act?
-- Grain: one row per source and error code of failed backups whose next attempt is ok or failed.
-- Definition: share of failures whose next attempt of the same resource (the next backup task created, by policy or manual)
--   is ok, with the 95 % Wilson interval. median_wait_hours runs from the end of the failure (updated_at, else created_at, where
--   that is missing) to the creation of that attempt, of those that were ok. advice: retry if the lower bound is at least 0.5;
--   ticket if the upper bound is below 0.5; else unclear.
-- Settings: none
-- Edge cases: over all history. A failure whose next attempt is open, skipped, in an unknown status or not yet made is left
--   out. The next attempt may be a day later: see median_wait_hours.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, or (none).
--   n: Failures whose next attempt is ok or failed.
--   next_ok: Of them followed by a success.
--   next_ok_rate: next_ok / n.
--   wilson_lower: Lower bound of the 95 % interval.
--   wilson_upper: Upper bound.
--   median_wait_hours: From the failure's end to the creation of the next attempt, where that is ok; at least 0.
--   advice: retry, ticket or unclear.
WITH tried AS (
    SELECT
        source,
        resource_id,
        outcome,
        error_code,
        coalesce(ended_at, updated_at, created_at) AS over_at,
        lead(outcome) OVER attempts AS next_outcome,
        lead(created_at) OVER attempts AS next_at
    FROM analytics.attempt
    WHERE operation_type = 'backup' AND resource_id IS NOT NULL
    WINDOW attempts AS (PARTITION BY source, resource_id ORDER BY created_at ASC, task_id ASC)
),

counted AS (
    SELECT
        source,
        coalesce(error_code, '(none)') AS error_code,
        count(*) AS n,
        count(*) FILTER (next_outcome = 'ok') AS next_ok,
        round(median(epoch_us(next_at) - epoch_us(over_at)) FILTER (next_outcome = 'ok'), 2) / 3600000000
            AS median_wait_hours
    FROM tried
    WHERE outcome = 'fail' AND next_outcome IN ('ok', 'fail')
    GROUP BY ALL
),

bounded AS (
    SELECT
        *,
        next_ok / n AS next_ok_rate,
        1.96 * sqrt(next_ok / n * (1 - next_ok / n) / n + 0.9604 / (n * n)) AS half,
        1 + 3.8416 / n AS scale,
        next_ok / n + 1.9208 / n AS middle
    FROM counted
)

SELECT
    source,
    error_code,
    n,
    next_ok,
    next_ok_rate,
    greatest(0, (middle - half) / scale) AS wilson_lower,
    least(1, (middle + half) / scale) AS wilson_upper,
    CASE WHEN median_wait_hours IS NOT NULL THEN greatest(0, median_wait_hours) END AS median_wait_hours,
    CASE
        WHEN (middle - half) / scale >= 0.5 THEN 'retry'
        WHEN (middle + half) / scale < 0.5 THEN 'ticket'
        ELSE 'unclear'
    END AS advice
FROM bounded
ORDER BY source, n DESC, error_code
