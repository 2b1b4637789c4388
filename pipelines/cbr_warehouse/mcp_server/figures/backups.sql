-- Question: how many backups were tried?
-- Grain: one row per source.
-- Definition: tasks of type backup, of every status, retries included, by created_at.
-- Settings: none
-- Edge cases: those still running or waiting count.
SELECT source, count(*) AS numerator, NULL AS denominator
FROM analytics.attempt
WHERE operation_type = 'backup' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
