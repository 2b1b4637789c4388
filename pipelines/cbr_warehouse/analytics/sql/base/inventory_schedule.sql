-- Question: how often is each resource in a vault to be backed up, by the policies of the vault?
-- Grain: one row per source and resource that is in a vault of backups now.
-- Definition: of the enabled policies of backups that are linked to its vaults now and back it up (auto_protect is not false),
--   that with the shortest longest_wait (inventory_policy).
-- Settings: none
-- Edge cases: backup_interval is NULL where no such policy has a longest_wait: none is linked or enabled, the resource is left
--   out, a rule is not understood, or policies are not listed. No row of a resource that no vault has.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   policy_id: The policy that plans the most frequent backups of it.
--   backup_interval: The longest wait between two backups that it plans.
SELECT
    m.source,
    m.resource_id,
    arg_min(p.policy_id, (p.longest_wait, p.policy_id)) FILTER (p.longest_wait IS NOT NULL) AS policy_id,
    min(p.longest_wait) AS backup_interval
FROM analytics.inventory_member AS m
LEFT JOIN main.policy_vaults AS l ON l.source = m.source AND l.vault_id = m.vault_id AND l.is_current
LEFT JOIN analytics.inventory_policy AS p
    ON p.source = l.source AND p.policy_id = l.policy_id AND p.operation_type = 'backup' AND p.is_enabled
    AND coalesce(m.auto_protect, true)
WHERE m.is_current AND m.is_backup
GROUP BY m.source, m.resource_id
