-- Question: what does each policy plan exactly, and what did the log let be inferred?
-- Grain: one row per source and policy of backups that is current in the inventory.
-- Definition: exact_interval is the longest wait between two starts by the rules of the policy (inventory_policy).
--   inferred_interval is the wait that the log shows of it (schedule_interval); interval_in_use the longest backup_interval
--   that analytics.resource has for resources whose newest schedule this policy is. agrees: the first two are known and
--   differ by no more than 30 minutes.
-- Settings: schedule_window, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: interval_in_use is exact_interval for resources that the policy backs up, unless [[schedules]] configures
--   another, the policy is disabled or exact_interval is NULL, because a rule is not understood.
-- Columns:
--   source: Name of the configured source.
--   policy_id: Policy.
--   policy_name: Its name.
--   is_enabled: Whether it runs.
--   rules: Its iCalendar rules as received; times are UTC.
--   is_understood: Whether every rule is understood, and there is one.
--   starts_per_week: Mean number of starts in a week.
--   exact_interval: Longest wait between two starts by the rules.
--   inferred_interval: Longest wait by the log; NULL if the log shows none.
--   interval_in_use: Longest wait that the figures use; NULL if no resource has this policy.
--   agrees: Whether exact_interval and inferred_interval are the same; NULL where one is not known.
--   vaults: Vaults linked to it.
--   resources: Resources in these vaults.
--   retention_duration_days: Days that a backup is kept; -1 for no limit by time.
--   max_backups: Backups kept of a resource; -1 for no limit by number.
--   first_seen_at: When a snapshot first saw the policy.
WITH used AS (
    SELECT source, schedule_id, max(backup_interval) AS interval_in_use
    FROM analytics.resource
    GROUP BY source, schedule_id
),

member AS (
    SELECT v.source, v.policy_id, count(DISTINCT m.resource_id) AS resources
    FROM analytics.inventory_vault AS v
    JOIN analytics.inventory_member AS m ON m.source = v.source AND m.vault_id = v.vault_id AND m.is_current
    GROUP BY v.source, v.policy_id
)

SELECT
    p.source,
    p.policy_id,
    p.policy_name,
    p.is_enabled,
    p.rules,
    p.is_understood,
    p.starts_per_week,
    p.longest_wait AS exact_interval,
    i.backup_interval AS inferred_interval,
    u.interval_in_use,
    abs(epoch(p.longest_wait) - epoch(i.backup_interval)) <= 1800 AS agrees,
    p.vaults,
    coalesce(m.resources, 0) AS resources,
    p.retention_duration_days,
    p.max_backups,
    p.first_seen_at
FROM analytics.inventory_policy AS p
LEFT JOIN analytics.schedule_interval AS i ON i.source = p.source AND i.schedule_id = p.policy_id
LEFT JOIN used AS u ON u.source = p.source AND u.schedule_id = p.policy_id
LEFT JOIN member AS m ON m.source = p.source AND m.policy_id = p.policy_id
WHERE p.operation_type = 'backup'
