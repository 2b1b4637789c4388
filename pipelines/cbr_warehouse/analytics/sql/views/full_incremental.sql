-- Question: when was the last full backup, and what is the mix of full and incremental ones?
-- Grain: one row per source and resource with a recovery point usable by analytics.as_of, not removed, whose source is not
--   excluded from analytics.as_of.
-- Definition: full is incremental = false, incremental is incremental = true. days_since_full runs from rp_at of the last
--   full one to analytics.as_of.
-- Settings: none
-- Edge cases: deleted recovery points count. Backups are permanently incremental, so an old full one is no broken chain.
--   Backups that say neither count in recovery_points only.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   recovery_points: Recovery points ever made by analytics.as_of, as far as the log goes back.
--   full_backups: Of them full.
--   incremental_backups: Of them incremental.
--   full_share: full_backups / (full_backups + incremental_backups).
--   last_full_at: rp_at of the last full one.
--   days_since_full: From then to analytics.as_of.
SELECT
    p.source,
    p.resource_id,
    any_value(r.resource_name) AS resource_name,
    any_value(r.resource_type) AS resource_type,
    count(*) AS recovery_points,
    count(*) FILTER (p.is_full) AS full_backups,
    count(*) FILTER (NOT p.is_full) AS incremental_backups,
    count(*) FILTER (p.is_full) / nullif(count(*) FILTER (p.is_full IS NOT NULL), 0) AS full_share,
    max(p.rp_at) FILTER (p.is_full) AS last_full_at,
    (epoch_us(any_value(o.as_of)) - epoch_us(max(p.rp_at) FILTER (p.is_full))) / 86400000000 AS days_since_full
FROM analytics.recovery_point AS p
CROSS JOIN analytics.as_of AS o
JOIN analytics.resource AS r USING (source, resource_id)
WHERE coalesce(p.usable_at <= o.as_of, true) AND coalesce(least(r.removed_at, r.not_loaded_since) > o.as_of, true)
GROUP BY p.source, p.resource_id
