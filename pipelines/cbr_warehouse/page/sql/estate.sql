-- Question: of all resources there are, how many are enrolled and protected?
-- Grain: one row per source and type of resources, and one for all types.
-- Definition: rows of estate_coverage.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: empty without an inventory.
SELECT *
FROM analytics.estate_coverage
WHERE dimension IN ('all', 'type')
    AND source = $source -- if source
ORDER BY source, dimension, value
