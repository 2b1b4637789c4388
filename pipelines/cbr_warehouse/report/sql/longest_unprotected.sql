-- Question: which resources have had no protection for longest?
-- Grain: one row per source and resource, at most twenty.
-- Definition: the rows of unprotected_resources, those first that can be protected, then by since.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: of now, whatever the period. Since is no earlier than the first snapshot of the inventory for what the log
--   does not name. Resources of one name come with the beginning of their ids.
SELECT
    source,
    resource_id,
    coalesce(nullif(resource_name, ''), resource_id) AS resource,
    CASE
        WHEN resource_name = '' OR count(*) OVER (PARTITION BY resource_name) = 1 THEN NULL
        WHEN count(*) OVER (PARTITION BY resource_name, left(resource_id, 8)) = 1 THEN left(resource_id, 8)
        ELSE resource_id
    END AS short_id,
    coalesce(resource_type, '(none)') AS resource_type,
    reason,
    since,
    coalesce(nullif(vault_name, ''), vault_id, '(none)') AS vault
FROM analytics.unprotected_resources
ORDER BY reason = 'not_protectable', since, resource, source, resource_id
LIMIT 20
