-- Question: what deleted what, and of which kind was it?
-- Grain: one row per task that deletes: backups, resources removed with theirs, vaults, and syncs that delete.
-- Definition: class of a backup's deletion: manual, where the backup was made by hand; night, where the task was
--   created outside 08:00-20:00 local, when the service deletes nothing by itself; early, where the backup was
--   younger than is usual for its policy, less a day (the median age of the oldest backup of a resource that an
--   hour by day deleted, from 5 deletions on); retention otherwise; unknown_birth, by day, where the backup's
--   making is not in the log. The other tasks are removal, vault_delete and sync.
-- Settings: timezone
-- Edge cases: deletion_audit has the mass deletes. Failed deletions are listed with outcome fail.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   operation_type: delete, remove_resource, vault_delete or sync.
--   outcome: ok, fail or open.
--   class: retention, early, manual, night, unknown_birth, removal, vault_delete or sync.
--   created_at: When it was created.
--   created_local: On a local clock.
--   vault_id: Vault.
--   vault_name: Its name.
--   resource_id: Resource.
--   resource_name: Its name.
--   backup_id: Backup deleted.
--   backups_deleted: How many: 1, or what the task counts.
--   failures: Resources or backups that it could not delete, by its own count.
--   age_days: Age of the backup.
--   usual_age_days: Usual age at deletion under its policy.
--   request_id: For the trace service.
WITH deletion AS (
    SELECT
        a.source,
        a.task_id,
        a.operation_type,
        a.outcome,
        a.created_at,
        a.created_local,
        a.vault_id,
        a.vault_name,
        coalesce(a.resource_id, p.resource_id) AS resource_id,
        a.resource_name,
        a.delete_backup_id AS backup_id,
        CASE a.operation_type
            WHEN 'delete' THEN 1
            WHEN 'remove_resource' THEN t.remove_resources_total_count
            WHEN 'vault_delete' THEN t.vault_delete_total_count
            ELSE t.sync_delete_backup_num
        END AS backups_deleted,
        CASE a.operation_type
            WHEN 'delete' THEN (a.outcome = 'fail')::INTEGER
            WHEN 'remove_resource' THEN t.remove_resources_fail_count
            WHEN 'vault_delete' THEN t.vault_delete_fail_count
        END AS failures,
        (epoch(a.created_at) - epoch(p.usable_at)) / 86400 AS age_days,
        p.task_id IS NOT NULL AS is_born,
        coalesce(p.is_scheduled, starts_with(t.delete_backup_name, 'autobk_')) AS is_automatic,
        hour(a.created_local) BETWEEN 8 AND 19 AS is_by_day,
        coalesce(p.policy_id, a.vault_id) AS retention_of,
        t.request_id
    FROM analytics.attempt AS a
    JOIN tasks AS t USING (source, task_id)
    LEFT JOIN analytics.recovery_point AS p ON p.source = a.source AND p.backup_id = a.delete_backup_id
    WHERE a.operation_type IN ('delete', 'remove_resource', 'vault_delete')
        OR (a.operation_type = 'sync' AND t.sync_delete_backup_num > 0)
),

usual AS (
    -- By the oldest of each batch: whoever deletes all backups of a resource at once does not make that usual.
    SELECT source, retention_of, median(oldest_days) AS usual_age_days
    FROM (
        SELECT
            source,
            retention_of,
            resource_id,
            epoch(created_at)::BIGINT // 3600 AS hour,
            max(age_days) AS oldest_days,
            count(*) AS n
        FROM deletion
        WHERE operation_type = 'delete' AND outcome = 'ok' AND is_automatic AND is_by_day AND age_days IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY source, retention_of
    HAVING sum(n) >= 5
)

SELECT
    d.source,
    d.task_id,
    d.operation_type,
    d.outcome,
    CASE
        WHEN d.operation_type = 'remove_resource' THEN 'removal'
        WHEN d.operation_type <> 'delete' THEN d.operation_type
        WHEN NOT coalesce(d.is_automatic, false) THEN 'manual'
        WHEN NOT d.is_by_day THEN 'night'
        WHEN NOT d.is_born THEN 'unknown_birth'
        WHEN d.age_days < u.usual_age_days - 1 THEN 'early'
        ELSE 'retention'
    END AS class,
    d.created_at,
    d.created_local,
    d.vault_id,
    d.vault_name,
    d.resource_id,
    d.resource_name,
    d.backup_id,
    d.backups_deleted,
    d.failures,
    d.age_days,
    u.usual_age_days,
    d.request_id
FROM deletion AS d
LEFT JOIN usual AS u USING (source, retention_of)
