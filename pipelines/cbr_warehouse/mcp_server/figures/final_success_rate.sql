-- Question: on which share of resource backup days was there a successful backup in the end?
-- Grain: one row per source.
-- Definition: backup days of resources with a successful backup, divided by those with a verdict (protected, failed,
--   skipped). A backup day belongs to the window if it begins and ends in it.
-- Settings: timezone, day_anchor
-- Edge cases: only days that were over at the watermark; days without any attempt are not counted, see missed_backups.
SELECT source, sum(protected)::BIGINT AS numerator, sum(protected + failed + skipped)::BIGINT AS denominator
FROM analytics.backup_success_daily
WHERE is_closed AND starts_at >= $from_at AND ends_at <= $to_at
GROUP BY source
