-- Backup tasks that changed, and those whose backup a changed task copied, deleted or restored. A task whose time of
-- creation changed has both.
SELECT source, task_id, created_at
FROM changed_attempts
WHERE operation_type = 'backup'
UNION
SELECT p.source, p.task_id, p.created_at
FROM analytics.recovery_point AS p
SEMI JOIN (
    SELECT source, unnest([source_backup_id, delete_backup_id, restore_backup_id]) AS backup_id
    FROM changed_attempts
) AS c ON c.source = p.source AND c.backup_id = p.backup_id
