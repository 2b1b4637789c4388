-- Question: how old is each resource's newest copy in another region?
-- Grain: one row per source and resource that is not removed and whose source is not left out of analytics.as_of.
-- Definition: from rp_at of the newest recovery point with a successful copy to the watermark. Local age is that of
--   the newest usable recovery point.
-- Settings: none
-- Edge cases: a copy stays when its source backup is deleted. Resources never copied have NULL and has_copy false:
--   losing the region loses them.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_name: Newest vault's name.
--   has_copy: Whether any copy was ever finished.
--   newest_copied_rp_at: The moment the newest copy recovers to.
--   offsite_rpo_hours: From then to the watermark.
--   local_age_hours: Age of the newest recovery point at home.
WITH copied AS (
    SELECT p.source, p.resource_id, max(p.rp_at) AS newest_copied_rp_at
    FROM analytics.recovery_point AS p
    CROSS JOIN analytics.as_of AS o
    WHERE p.first_copied_at <= o.as_of
    GROUP BY ALL
)

SELECT
    r.source,
    r.resource_id,
    r.resource_name,
    r.resource_type,
    r.vault_name,
    c.newest_copied_rp_at IS NOT NULL AS has_copy,
    c.newest_copied_rp_at,
    (epoch(o.as_of) - epoch(c.newest_copied_rp_at)) / 3600 AS offsite_rpo_hours,
    r.age_hours AS local_age_hours
FROM analytics.resource_protection AS r
CROSS JOIN analytics.as_of AS o
LEFT JOIN copied AS c USING (source, resource_id)
WHERE r.bucket NOT IN ('removed', 'not_loaded')
ORDER BY offsite_rpo_hours DESC NULLS FIRST
