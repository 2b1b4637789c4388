-- Question: how many backups failed?
-- Grain: one row per source.
-- Definition: tasks of type backup that ended as failed or timeout, retries included, by created_at; of all backup tasks.
-- Settings: none
-- Edge cases: a failure that a later attempt made good counts; skipped ones do not.
SELECT source, count(*) FILTER (outcome = 'fail') AS numerator, count(*) AS denominator
FROM analytics.attempt
WHERE operation_type = 'backup' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
