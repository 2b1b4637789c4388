-- Question: whose backups are failing now, for how long, and why?
-- Grain: one row per resource, most strikes first.
-- Definition: rows of unresolved_failures.
-- Settings: none
-- Edge cases: none
SELECT
    *,
    count(*) OVER () AS total
FROM analytics.unresolved_failures
WHERE true
    AND source = $source -- if source
    AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
    AND contains(lower(policy_id), lower($policy)) -- if policy
    AND resource_type = $type -- if type
    AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
    AND error_code = $code -- if code
ORDER BY strikes DESC, age_hours DESC, resource_name, source, resource_id
LIMIT $limit
OFFSET $offset
