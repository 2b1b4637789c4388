-- Question: how many tasks were created?
-- Grain: one row per source.
-- Definition: tasks of every type and status, in their newest version, by created_at.
-- Settings: none
-- Edge cases: records in quarantine are not counted.
SELECT source, count(*) AS numerator, NULL AS denominator
FROM analytics.attempt
WHERE created_at >= $from_at AND created_at < $to_at
GROUP BY source
