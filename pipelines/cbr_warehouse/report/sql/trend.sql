-- Question: how did success develop?
-- Grain: one row per backup day of the plots: the period, and at least the lookback, up to 92 days or eight periods back.
-- Definition: final and first-attempt success rates of backup days that are over.
-- Settings: timezone, day_anchor, lookback
-- Edge cases: a day without a verdict has no rate and leaves a gap.
SELECT
    backup_day,
    count(*) FILTER (verdict = 'protected') AS protected,
    count(*) FILTER (verdict IN ('protected', 'failed', 'skipped')) AS windows,
    protected / nullif(windows, 0) AS final_success_rate,
    count(*) FILTER (first_outcome = 'ok') AS first_ok,
    count(*) FILTER (first_outcome IS NOT NULL) AS first_verdicts,
    first_ok / nullif(first_verdicts, 0) AS first_attempt_success_rate
FROM analytics.resource_day
WHERE backup_day < $to_day
    AND backup_day >= $plot_from_day
GROUP BY backup_day
ORDER BY backup_day
