-- Question: how many resources are failing now?
-- Grain: one row.
-- Definition: rows of unresolved_failures; repeatedly are those of consecutive_failures (at least `strikes` failures
--   since the last success); never_ok those without any successful backup; longest_hours the age of the oldest.
-- Settings: strikes
-- Edge cases: longest_hours is NULL where nothing fails.
SELECT
    count(*) AS failing,
    count(*) FILTER (u.strikes >= s.strikes) AS repeatedly,
    count(*) FILTER (NOT u.ever_ok) AS never_ok,
    max(u.age_hours) AS longest_hours
FROM analytics.unresolved_failures AS u
CROSS JOIN analytics.settings AS s
WHERE true
    AND u.source = $source -- if source
    AND (u.vault_id = $vault OR contains(lower(u.vault_name), lower($vault))) -- if vault
    AND contains(lower(u.policy_id), lower($policy)) -- if policy
    AND u.resource_type = $type -- if type
    AND (u.resource_id = $resource OR contains(lower(u.resource_name), lower($resource))) -- if resource
    AND u.error_code = $code -- if code
