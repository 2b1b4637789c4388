-- Question: how old is each resource's newest copy in each other region?
-- Grain: one row per source, resource and destination region, for resources that are not removed and whose source is not
--   excluded from analytics.as_of. The destinations of a resource are those that any of its backups was ever replicated
--   to, with whatever result; of a resource of type OS::Nova::Server also those of any backup of its newest vault. A
--   resource without a destination has one row with destination_region NULL.
-- Definition: offsite_rpo_hours runs from rp_at of the newest recovery point with a copy to that region finished by
--   analytics.as_of to analytics.as_of. local_age_hours is the age of the newest recovery point that is usable and not
--   deleted.
-- Settings: none
-- Edge cases: has_copy false means that losing the home region loses the resource, as far as that destination goes. A copy
--   counts also after its source backup was deleted: deletions of copies are not in the log of this region.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_name: Newest vault's name.
--   destination_region: Region to copy to; NULL where no backup of it was ever replicated.
--   has_copy: Whether any copy to that region was finished.
--   newest_copied_rp_at: The moment that the newest copy there restores to.
--   offsite_rpo_hours: From then to analytics.as_of; NULL without a copy.
--   local_age_hours: Age of the newest recovery point in the home region.
WITH
-- include point_copy
,

current AS (
    SELECT * FROM analytics.resource_protection WHERE bucket NOT IN ('removed', 'not_loaded')
),

copied AS (
    SELECT
        t.source,
        t.resource_id,
        t.destination_region,
        max(t.rp_at) FILTER (t.first_copied_at <= o.as_of) AS newest_copied_rp_at
    FROM point_copy AS t
    CROSS JOIN analytics.as_of AS o
    WHERE t.resource_id IS NOT NULL
    GROUP BY t.source, t.resource_id, t.destination_region
),

destination AS (
    SELECT source, resource_id, destination_region FROM copied
    UNION
    SELECT r.source, r.resource_id, v.destination_region
    FROM current AS r
    JOIN (SELECT DISTINCT source, vault_id, destination_region FROM point_copy) AS v
        ON v.source = r.source AND v.vault_id = r.vault_id
    WHERE r.resource_type = 'OS::Nova::Server'
)

SELECT
    r.source,
    r.resource_id,
    r.resource_name,
    r.resource_type,
    r.vault_name,
    d.destination_region,
    c.newest_copied_rp_at IS NOT NULL AS has_copy,
    c.newest_copied_rp_at,
    (epoch_us(o.as_of) - epoch_us(c.newest_copied_rp_at)) / 3600000000 AS offsite_rpo_hours,
    r.age_hours AS local_age_hours
FROM current AS r
CROSS JOIN analytics.as_of AS o
LEFT JOIN destination AS d ON d.source = r.source AND d.resource_id = r.resource_id
LEFT JOIN copied AS c
    ON c.source = d.source AND c.resource_id = d.resource_id AND c.destination_region = d.destination_region
ORDER BY offsite_rpo_hours DESC NULLS FIRST, r.source, r.resource_id, d.destination_region
