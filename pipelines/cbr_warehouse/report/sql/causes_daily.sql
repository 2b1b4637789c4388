-- Question: when did which cause make backups fail?
-- Grain: one row per backup day and error code, in the span of the trend; codes beyond the six commonest are
--   one row, "other".
-- Definition: failed and timed-out backup attempts by backup day.
-- Settings: timezone, day_anchor, lookback
-- Edge cases: days without failures have no row.
WITH failure AS (
    SELECT backup_day, coalesce(error_code, '(none)') AS error_code
    FROM analytics.attempt
    WHERE operation_type = 'backup' AND outcome = 'fail'
        AND backup_day < $to_day
        AND backup_day >= $plot_from_day
),

common AS (
    SELECT error_code FROM failure GROUP BY error_code ORDER BY count(*) DESC, error_code LIMIT 6
)

SELECT
    f.backup_day,
    coalesce(c.error_code, 'other') AS error_code,
    count(*) AS failures
FROM failure AS f
LEFT JOIN common AS c USING (error_code)
GROUP BY ALL
ORDER BY f.backup_day, failures DESC, error_code
