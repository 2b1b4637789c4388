-- Question: which resources are not protected at all, since when, and why?
-- Grain: one row per source and resource without protection, the longest first.
-- Definition: rows of unprotected_resources.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: empty without an inventory. total counts all that match.
WITH matching AS MATERIALIZED (
    SELECT *
    FROM analytics.unprotected_resources
    WHERE true
        AND source = $source -- if source
        AND resource_id = $id -- if id
        AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
        AND contains(lower(policy_id), lower($policy)) -- if policy
        AND resource_type = $type -- if type
        AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
)

SELECT
    *,
    (SELECT count(*) FROM matching) AS total
FROM matching
ORDER BY since, resource_name, source, resource_id
LIMIT $limit
OFFSET $offset
