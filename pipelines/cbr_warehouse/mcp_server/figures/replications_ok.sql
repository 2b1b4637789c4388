-- Question: how many copies to another region were made?
-- Grain: one row per source.
-- Definition: tasks of type replication that ended with success, by created_at; of those that ended with success, failed
--   or timeout.
-- Settings: none
-- Edge cases: retries count as attempts of their own.
SELECT source, count(*) FILTER (outcome = 'ok') AS numerator,
    count(*) FILTER (outcome IN ('ok', 'fail')) AS denominator
FROM analytics.attempt
WHERE operation_type = 'replication' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
