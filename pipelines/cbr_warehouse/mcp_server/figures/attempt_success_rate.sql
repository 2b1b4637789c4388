-- Question: which share of backup attempts was successful?
-- Grain: one row per source.
-- Definition: backup tasks that ended with success, divided by those that ended with success, failed or timeout.
-- Settings: none
-- Edge cases: every attempt counts, retries too; skipped, open and unknown ones are in no denominator.
SELECT source, count(*) FILTER (outcome = 'ok') AS numerator,
    count(*) FILTER (outcome IN ('ok', 'fail')) AS denominator
FROM analytics.attempt
WHERE operation_type = 'backup' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
