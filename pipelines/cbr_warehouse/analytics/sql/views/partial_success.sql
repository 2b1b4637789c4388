-- Question: which tasks ended with status success although parts of their work failed?
-- Grain: one row per sync, remove_resource or vault_delete task with status success and a failed part.
-- Definition: by the counters of the task's own block. failed_parts: of a sync the backups that could not be synchronized
--   (err_sync_backup_num), of the others the resources that could not be removed (fail_count). done_backups: of a sync the
--   backups synchronized (sync_backup_num), of the others the backups deleted (total_count). failed_share = failed_parts /
--   (failed_parts + done_backups) of a sync; NULL of the others, whose two counters have different units.
-- Settings: lookback
-- Edge cases: over all history; is_recent marks the tasks created in the lookback that ends at analytics.as_of. These tasks
--   have outcome ok in every other view. A counter that is missing counts as 0.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   operation_type: sync, remove_resource or vault_delete.
--   created_at: When it was created.
--   ended_at: When it ended.
--   vault_id: Vault.
--   vault_name: Its name.
--   failed_parts: Parts that failed.
--   failed_unit: What is counted there: backups or resources.
--   done_backups: Backups synchronized (sync) or deleted.
--   failed_share: failed_parts / (failed_parts + done_backups); NULL where the units differ.
--   is_recent: Whether it was created in the lookback.
--   request_id: Request that started the task, for the vendor's trace service.
WITH counted AS (
    SELECT
        *,
        CASE operation_type
            WHEN 'sync' THEN sync_err_sync_backup_num
            WHEN 'remove_resource' THEN remove_resources_fail_count
            WHEN 'vault_delete' THEN vault_delete_fail_count
        END AS failed_parts,
        coalesce(CASE operation_type
            WHEN 'sync' THEN sync_backup_num
            WHEN 'remove_resource' THEN remove_resources_total_count
            WHEN 'vault_delete' THEN vault_delete_total_count
        END, 0) AS done_backups
    FROM analytics.attempt
    WHERE operation_type IN ('sync', 'remove_resource', 'vault_delete') AND outcome = 'ok'
)

SELECT
    c.source,
    c.task_id,
    c.operation_type,
    c.created_at,
    c.ended_at,
    c.vault_id,
    c.vault_name,
    c.failed_parts,
    CASE c.operation_type WHEN 'sync' THEN 'backups' ELSE 'resources' END AS failed_unit,
    c.done_backups,
    CASE c.operation_type WHEN 'sync' THEN c.failed_parts / (c.failed_parts + c.done_backups) END AS failed_share,
    coalesce(c.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND c.created_at < o.as_of, false) AS is_recent,
    c.request_id
FROM counted AS c
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE c.failed_parts > 0
ORDER BY c.created_at DESC, c.source, c.task_id
