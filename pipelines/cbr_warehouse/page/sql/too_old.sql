-- Question: which resources of the log have no backup that is recent enough, since when, and why?
-- Grain: one row per resource without one, the longest without a backup first.
-- Definition: rows of resource_protection with the bucket within_2x_rpo, within_7d, older_than_7d, none_left or never; strikes,
--   first_failed_at, error_code and text_en are those of its row of unresolved_failures.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: without a row of unresolved_failures the newest attempt did not fail: the next one is late, or backups were
--   deleted; last_attempt_at is when it was tried last. total counts all that match.
WITH matching AS MATERIALIZED (
    SELECT
        p.source,
        p.resource_id,
        p.resource_name,
        p.resource_type,
        p.bucket,
        p.last_rp_usable_at,
        p.age_hours,
        p.rpo_hours,
        p.last_attempt_at,
        p.vault_id,
        p.vault_name,
        u.strikes,
        u.first_failed_at,
        u.error_code,
        u.text_en
    FROM analytics.resource_protection AS p
    LEFT JOIN analytics.unresolved_failures AS u USING (source, resource_id)
    WHERE p.bucket IN ('within_2x_rpo', 'within_7d', 'older_than_7d', 'none_left', 'never')
        AND p.source = $source -- if source
        AND (p.vault_id = $vault OR contains(lower(p.vault_name), lower($vault))) -- if vault
        AND contains(lower(p.policy_id), lower($policy)) -- if policy
        AND p.resource_type = $type -- if type
        AND (p.resource_id = $resource OR contains(lower(p.resource_name), lower($resource))) -- if resource
)

SELECT
    *,
    (SELECT count(*) FROM matching) AS total
FROM matching
ORDER BY coalesce(age_hours, 1e9) DESC, resource_name, source, resource_id
LIMIT $limit
