-- Question: what was deleted by which task, and of which kind is the deletion?
-- Grain: one row per task that deletes: delete, remove_resource and vault_delete tasks, and syncs that deleted a backup.
-- Definition: a backup is automatic where a policy made it or, its making not being in the log, where the task names it
--   autobk_…; with no name either this is unknown. class of a delete task, the first that fits: manual, a backup that is
--   not automatic; night, created before `expiry_from` or from `expiry_until` on by the source's local clock, when the
--   service deletes nothing by itself; unknown_birth, the making of the backup is not in the log; early, the backup is
--   younger than usual_age_days less one day; retention. usual_age_days: of the deletions by day of automatic backups of
--   one policy (vault, where the policy is missing), the oldest backup of each resource and UTC hour, the median of these
--   ages, from 5 deletions on. The other tasks have the classes removal, vault_delete and sync.
-- Settings: expiry_from, expiry_until, timezone (of the source, else the global one)
-- Edge cases: deletion_audit adds the mass deletes. Failed deletions are listed with outcome fail.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   operation_type: delete, remove_resource, vault_delete or sync.
--   outcome: ok, fail, skip, open or unknown.
--   class: retention, early, manual, night, unknown_birth, removal, vault_delete or sync.
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
--   age_days: From usable_at of the backup to the creation of the task; NULL where its making is not in the log.
--   usual_age_days: Usual age at deletion under its policy; NULL with fewer than 5 deletions.
--   request_id: Request that started the task, for the vendor's trace service.
WITH
-- include deletion_classed

SELECT
    source,
    task_id,
    operation_type,
    outcome,
    class,
    created_at,
    created_local,
    vault_id,
    vault_name,
    resource_id,
    resource_name,
    backup_id,
    backups_deleted,
    failures,
    age_us / 86400000000 AS age_days,
    usual_age_days,
    request_id
FROM classed
