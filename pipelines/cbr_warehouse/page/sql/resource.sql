-- Question: is one resource protected?
-- Grain: one row.
-- Definition: the row of resource_protection.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: none
FROM analytics.resource_protection
WHERE source = $source AND resource_id = $id
