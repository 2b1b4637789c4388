-- Question: how many backups that a policy should have made were never tried, or skipped?
-- Grain: one row per source.
-- Definition: rows of analytics.missed_backups whose slot lies in the window.
-- Settings: timezone, day_anchor, lookback, run_gap
-- Edge cases: schedules are those of the policies in the inventory, else inferred from the log, which has no policies; slots older than the lookback are not known.
SELECT source, count(*) AS numerator, NULL AS denominator
FROM analytics.missed_backups
WHERE slot_at >= $from_at AND slot_at < $to_at
GROUP BY source
