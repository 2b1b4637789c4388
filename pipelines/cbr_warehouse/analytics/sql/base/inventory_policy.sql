-- Question: which policies are there, and when do they start?
-- Grain: one row per source and policy that is current.
-- Definition: the current version of table policies, with what its current rules plan (inventory_policy_period).
-- Settings: none
-- Edge cases: longest_wait and starts_per_week are NULL where inventory_policy_period cannot say them.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy.
--   policy_name: Its name.
--   operation_type: backup or replication.
--   is_enabled: Whether it runs; true where the source does not say.
--   rules: Its rules as received, in order.
--   is_understood: Whether every rule is understood, and there is one.
--   minutes_of_week: Starts in minutes since Monday 00:00 UTC; empty where they are not the same each week.
--   longest_wait: Longest time between two starts.
--   starts_per_week: Mean number of starts in a week.
--   retention_duration_days: Days that a backup is kept; -1 for no limit by time.
--   max_backups: Backups kept of a resource; -1 for no limit by number.
--   first_seen_at: When a snapshot first saw the policy with any content.
--   vaults: Vaults linked to it now.
WITH linked AS (
    SELECT source, policy_id, count(*) AS vaults
    FROM main.policy_vaults
    WHERE is_current
    GROUP BY source, policy_id
),

seen AS (
    SELECT source, policy_id, min(first_seen_at) AS first_seen_at
    FROM main.policies
    GROUP BY source, policy_id
)

SELECT
    p.source,
    p.policy_id,
    p.policy_name,
    coalesce(p.operation_type, 'backup') AS operation_type,
    coalesce(p.enabled, true) AS is_enabled,
    w.rules,
    w.is_understood,
    w.minutes_of_week,
    w.longest_wait,
    w.starts_per_week,
    p.retention_duration_days,
    p.max_backups,
    s.first_seen_at,
    coalesce(l.vaults, 0) AS vaults
FROM main.policies AS p
JOIN analytics.inventory_policy_period AS w ON w.source = p.source AND w.policy_id = p.policy_id AND w.is_current
JOIN seen AS s ON s.source = p.source AND s.policy_id = p.policy_id
LEFT JOIN linked AS l ON l.source = p.source AND l.policy_id = p.policy_id
WHERE p.is_current
