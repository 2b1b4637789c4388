-- Question: which resources were backed up on one backup day, and which were not?
-- Grain: one row per source and resource with a backup task on that day; failed ones first.
-- Definition: rows of resource_day.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: resources without an attempt on that day have no row; missed_backups tells whether one was due.
SELECT
    *,
    count(*) OVER () AS total
FROM analytics.resource_day
WHERE backup_day = $day::DATE
    AND source = $source -- if source
    AND vault_id IS NOT DISTINCT FROM nullif($in_vault, '(none)') -- if in_vault
    AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
    AND contains(lower(policy_id), lower($policy)) -- if policy
    AND resource_type = $type -- if type
    AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
    AND verdict = $verdict -- if verdict
ORDER BY
    list_position(['failed', 'unknown', 'skipped', 'pending', 'protected'], verdict),
    failed DESC,
    resource_name,
    source,
    resource_id
LIMIT $limit
OFFSET $offset
