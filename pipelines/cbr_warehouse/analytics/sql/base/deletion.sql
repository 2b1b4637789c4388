-- Question: what was deleted by which task, how old was it, and what does that alone say about the deletion?
-- Grain: one row per task that deletes: delete, remove_resource and vault_delete tasks, and syncs that deleted a backup.
-- Definition: a backup is automatic where a policy made it or, its making not being in the log, where the task names it
--   autobk_…; with no name either this is unknown. kind of a delete task, the first that fits: manual, a backup that is
--   not automatic; night, created before `expiry_from` or from `expiry_until` on by the source's local clock, when the
--   service deletes nothing by itself; unknown_birth, the making of the backup is not in the log; retention. The other
--   tasks have the kinds removal, vault_delete and sync.
-- Settings: expiry_from, expiry_until, timezone (of the source, else the global one)
-- Edge cases: deletion_class tells early deletions from those of the retention. Failed deletions are listed with outcome fail.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   operation_type: delete, remove_resource, vault_delete or sync.
--   outcome: ok, fail, skip, open or unknown.
--   kind: retention, manual, night, unknown_birth, removal, vault_delete or sync.
--   created_at: When it was created.
--   created_local: The same on the source's local clock.
--   vault_id: Vault.
--   vault_name: Its name.
--   resource_id: Resource of the task, else that of the backup deleted.
--   resource_name: Name of the task's resource.
--   backup_id: Backup deleted.
--   backups_deleted: 1 of a delete; of other tasks the backups deleted by the task's own count.
--   failures: 1 of a failed delete, 0 of another; of removals and vault deletions the resources that could not be
--       removed, by the task's own count; NULL of syncs.
--   age_us: Microseconds from usable_at of the backup to the creation of the task; NULL where its making is not in the log.
--   policy_id: Policy that made the backup; NULL of a manual one, and where its making is not in the log.
--   retention_of: The policy that made the backup, else the vault of the task: whose usual age applies.
--   request_id: Request that started the task, for the vendor's trace service.
SELECT
    a.source,
    a.task_id,
    a.operation_type,
    a.outcome,
    CASE
        WHEN a.operation_type = 'remove_resource' THEN 'removal'
        WHEN a.operation_type <> 'delete' THEN a.operation_type
        WHEN NOT coalesce(p.is_scheduled, starts_with(a.delete_backup_name, 'autobk_')) THEN 'manual'
        WHEN CASE
            WHEN epoch(s.expiry_from) <= epoch(s.expiry_until)
                THEN epoch(a.created_local::TIME) < epoch(s.expiry_from) OR epoch(a.created_local::TIME) >= epoch(s.expiry_until)
            ELSE epoch(a.created_local::TIME) < epoch(s.expiry_from) AND epoch(a.created_local::TIME) >= epoch(s.expiry_until)
        END THEN 'night'
        WHEN p.task_id IS NULL THEN 'unknown_birth'
        ELSE 'retention'
    END AS kind,
    a.created_at,
    a.created_local,
    a.vault_id,
    a.vault_name,
    coalesce(a.resource_id, p.resource_id) AS resource_id,
    a.resource_name,
    a.delete_backup_id AS backup_id,
    CASE a.operation_type
        WHEN 'delete' THEN 1
        WHEN 'remove_resource' THEN a.remove_resources_total_count
        WHEN 'vault_delete' THEN a.vault_delete_total_count
        ELSE a.sync_delete_backup_num
    END AS backups_deleted,
    CASE a.operation_type
        WHEN 'delete' THEN (a.outcome = 'fail')::INTEGER
        WHEN 'remove_resource' THEN a.remove_resources_fail_count
        WHEN 'vault_delete' THEN a.vault_delete_fail_count
    END AS failures,
    epoch_us(a.created_at) - epoch_us(p.usable_at) AS age_us,
    p.policy_id,
    coalesce(p.policy_id, a.vault_id) AS retention_of,
    a.request_id
FROM touched_deletions AS a
CROSS JOIN analytics.settings AS s
LEFT JOIN analytics.recovery_point AS p ON p.source = a.source AND p.backup_id = a.delete_backup_id
