-- Question: how many resources have a backup that is recent enough?
-- Grain: one row.
-- Definition: counts of the buckets of resource_protection, as in protection_coverage: resources neither removed nor
--   not_loaded, those within their rpo, those past it, those never backed up.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: without filters these are the sums of protection_coverage. new resources are in no other count.
SELECT
    count(*) FILTER (bucket NOT IN ('removed', 'not_loaded')) AS resources,
    count(*) FILTER (bucket = 'within_rpo') AS within_rpo,
    count(*) FILTER (bucket IN ('within_2x_rpo', 'within_7d', 'older_than_7d')) AS past_rpo,
    count(*) FILTER (bucket IN ('never', 'none_left')) AS without_backup,
    count(*) FILTER (bucket = 'new') AS new
FROM analytics.resource_protection
WHERE true
    AND source = $source -- if source
    AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
    AND contains(lower(policy_id), lower($policy)) -- if policy
    AND resource_type = $type -- if type
    AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
