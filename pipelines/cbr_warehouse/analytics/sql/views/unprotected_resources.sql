-- Question: which servers, disks and file systems are not protected, since when, and why?
-- Grain: one row per source and resource of estate_resource that has a reason not to be protected.
-- Definition: the rows of estate_resource with a reason other than not_known; why says it in words. since is the first
--   snapshot that listed it, for never_enrolled, not_protectable and volume_left_out; the time at which it left its vault by
--   the log, else the last snapshot that saw it there, else its last backup task, for removed; the first snapshot that saw
--   it in a vault, for the others.
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: empty without an inventory: `inventory = true` of the source, and inventory_list says what could not be read.
--   since is no earlier than the first snapshot, for what the log does not name. A resource with backups that are merely too
--   old is not here but in rpo_compliance and resource_protection.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Its name.
--   resource_type: Its type, such as OS::Nova::Server.
--   reason: never_enrolled, removed, not_protectable, volume_left_out, no_policy, policy_disabled, left_out_of_policy or
--       no_recovery_point.
--   why: The reason in words.
--   since: Since when the reason is known to hold.
--   days: Whole days from since to analytics.as_of.
--   tags: Its tags as key=value, in order.
--   enterprise_project_id: Its enterprise project, else that of its vault.
--   size_gb: Its size in GB.
--   vault_id: Vault that it is in; NULL if in none.
--   vault_name: Its name.
--   policy_id: Policy of that vault.
--   policy_name: Its name.
--   last_backup_at: Its newest usable backup; NULL if none is known.
--   first_seen_at: When a snapshot first saw it.
SELECT
    e.source,
    e.resource_id,
    e.resource_name,
    e.resource_type,
    e.reason,
    CASE e.reason
        WHEN 'never_enrolled' THEN 'in no vault, and was in none before'
        WHEN 'removed' THEN 'in no vault any more'
        WHEN 'not_protectable' THEN 'cannot be backed up' || coalesce(': ' || e.not_protectable_because, '')
        WHEN 'volume_left_out' THEN 'left out of the backups of its server'
        WHEN 'no_policy' THEN 'its vault has no policy'
        WHEN 'policy_disabled' THEN 'the policy of its vault is disabled'
        WHEN 'left_out_of_policy' THEN 'in a vault, but its policy does not back it up'
        ELSE 'in a vault, but without any usable backup'
    END AS why,
    e.since,
    date_diff('second', e.since, o.as_of) // 86400 AS days,
    e.tags,
    e.enterprise_project_id,
    e.size_gb,
    e.vault_id,
    e.vault_name,
    e.policy_id,
    e.policy_name,
    e.last_backup_at,
    e.first_seen_at
FROM analytics.estate_resource AS e
LEFT JOIN analytics.as_of AS o ON true
WHERE e.reason <> 'not_known'
