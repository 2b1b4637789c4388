-- Question: which backups that a policy should have made were never tried, or skipped?
-- Grain: one row per expected slot of the lookback without a real attempt, the newest first.
-- Definition: rows of missed_backups.
-- Settings: lookback, run_gap, schedule_window, timezone, day_anchor
-- Edge cases: without an inventory, schedules are inferred from the log (basis). total counts all that match.
WITH matching AS MATERIALIZED (
    SELECT
        source,
        resource_id,
        resource_name,
        vault_id,
        vault_name,
        policy_id,
        slot_at,
        backup_day,
        kind,
        is_policy_silent,
        basis
    FROM analytics.missed_backups
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
ORDER BY slot_at DESC, resource_name, source, resource_id
LIMIT $limit
OFFSET $offset
