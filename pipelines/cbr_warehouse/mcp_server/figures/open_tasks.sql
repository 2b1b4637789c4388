-- Question: how many tasks are running or waiting?
-- Grain: one row per source.
-- Definition: tasks that had not ended when they were last seen.
-- Settings: none
-- Edge cases: as of the watermark; tasks that ended since then are still counted.
SELECT source, count(*) FILTER (outcome = 'open') AS numerator, NULL AS denominator
FROM analytics.attempt
GROUP BY source
