-- Question: how many resources have no protection, and why?
-- Grain: one row per reason and type of resources, the most first.
-- Definition: the rows of unprotected_resources, by reason and resource_type. since: the earliest of theirs.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: of now, whatever the period. Empty without an inventory.
SELECT
    reason,
    coalesce(resource_type, '(none)') AS resource_type,
    count(*) AS resources,
    min(since) AS since
FROM analytics.unprotected_resources
GROUP BY reason, coalesce(resource_type, '(none)')
ORDER BY resources DESC, reason, resource_type
