-- Question: how many restores were successful?
-- Grain: one row per source.
-- Definition: tasks of type restore that ended with success, by created_at; of those that ended with success, failed or
--   timeout.
-- Settings: none
-- Edge cases: the log does not say which restores were tests.
SELECT source, count(*) FILTER (outcome = 'ok') AS numerator,
    count(*) FILTER (outcome IN ('ok', 'fail')) AS denominator
FROM analytics.attempt
WHERE operation_type = 'restore' AND created_at >= $from_at AND created_at < $to_at
GROUP BY source
