-- Question: how many resources were backed up on each backup day?
-- Grain: one row per source and backup day of the period, the newest first.
-- Definition: rows of backup_success_daily.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: the rate of a day that is not over is NULL.
SELECT
    source,
    backup_day,
    is_closed,
    is_complete,
    windows,
    protected,
    failed,
    skipped,
    pending,
    unknown,
    rescued,
    protected_in_part,
    final_success_rate,
    first_attempt_success_rate
FROM analytics.backup_success_daily
WHERE backup_day BETWEEN $from_day::DATE AND $to_day::DATE
    AND source = $source -- if source
ORDER BY backup_day DESC, source
