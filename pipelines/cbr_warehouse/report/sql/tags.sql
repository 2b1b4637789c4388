-- Question: how well are the resources of each tag protected?
-- Grain: one row per tag of resources, at most twenty, those with the most unprotected resources first.
-- Definition: the counts of protection_by_tag, over all sources.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: of now, whatever the period. A resource with several tags counts for each; those without one are (none).
SELECT
    CASE WHEN tag_value IS NULL THEN tag_key ELSE tag_key || '=' || tag_value END AS tag,
    sum(resources)::BIGINT AS resources,
    sum(enrolled)::BIGINT AS enrolled,
    sum(within_rpo)::BIGINT AS within_rpo,
    sum(unprotected)::BIGINT AS unprotected,
    sum(within_rpo) / nullif(sum(resources), 0) AS protected_rate
FROM analytics.protection_by_tag
GROUP BY tag
HAVING sum(resources) > 0
ORDER BY unprotected DESC, resources DESC, tag
LIMIT 20
