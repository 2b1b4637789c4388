-- Question: on what share of resource backup days was there a successful backup in the end?
-- Grain: one row.
-- Definition: backup days of resources with at least one successful backup, divided by those with a verdict
--   (protected, failed, skipped).
-- Settings: timezone, day_anchor
-- Edge cases: days with a task still open, or with unknown statuses alone, have no verdict. Days without an
--   attempt are not counted: see missed_backups. A success on demand counts.
SELECT
    count(*) FILTER (verdict = 'protected') AS numerator,
    count(*) FILTER (verdict IN ('protected', 'failed', 'skipped')) AS denominator,
    numerator / nullif(denominator, 0) AS value
FROM analytics.resource_day
WHERE backup_day >= $from_day AND backup_day < $to_day
