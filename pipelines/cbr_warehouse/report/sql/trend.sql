-- Question: how did success develop?
-- Grain: one row per backup day, up to eight periods back, at least the lookback.
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
    AND backup_day >= $to_day
        - greatest((SELECT epoch(lookback) // 86400 FROM analytics.settings), 8 * ($to_day - $from_day))::INTEGER
GROUP BY backup_day
ORDER BY backup_day
