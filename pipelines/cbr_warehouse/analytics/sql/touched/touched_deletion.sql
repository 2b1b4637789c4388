-- Tasks that delete and changed, and those that deleted the backup of a changed task.
SELECT source, task_id
FROM changed_attempts
WHERE operation_type IN ('delete', 'remove_resource', 'vault_delete', 'sync')
UNION
SELECT d.source, d.task_id
FROM analytics.deletion AS d
SEMI JOIN (
    SELECT source, backup_id
    FROM changed_attempts
    WHERE operation_type = 'backup'
) AS c ON c.source = d.source AND c.backup_id = d.backup_id
