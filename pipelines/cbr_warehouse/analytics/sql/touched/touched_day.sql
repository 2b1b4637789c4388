-- Backup days of resources whose backup tasks changed.
SELECT DISTINCT source, resource_id, backup_day
FROM changed_attempts
WHERE operation_type = 'backup' AND resource_id IS NOT NULL
