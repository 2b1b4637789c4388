-- Question: which sources and types of resources are there to choose from?
-- Grain: one row per source and type of a resource.
-- Definition: the distinct pairs.
-- Settings: none
-- Edge cases: none
SELECT DISTINCT source, resource_type
FROM analytics.resource
ORDER BY source, resource_type
