-- Question: what was deleted, was it due, and does it look like an attack or a mistake?
-- Grain: one row per task that deletes: backups, resources removed with theirs, vaults, and syncs that delete.
-- Definition: class of a backup's deletion: manual, where the backup was made by hand; night, where the task was
--   created outside 08:00-20:00 local, when the service deletes nothing by itself; early, where the backup was
--   younger than is usual for its policy (median age at deletion by day, less a day, of at least 5); retention
--   otherwise; unknown_birth, by day, where the backup's making is not in the log. The other tasks are removal,
--   vault_delete and sync. Mass delete: at least 20
--   successful deletions of one vault within an hour, more than the median of its hours with deletions plus ten
--   times their MAD (or in its only two such hours), more than half of them manual, early or at night.
-- Settings: timezone
-- Edge cases: who did it is not in the log: request_id leads to the trace service. Failed deletions are listed with
--   outcome fail and are in no burst.
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
--   burst_size: Deletions of this vault within the hour that reaches furthest.
--   is_mass_delete: Whether it belongs to a mass delete.
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
    SELECT source, retention_of, median(age_days) AS usual_age_days
    FROM deletion
    WHERE operation_type = 'delete' AND outcome = 'ok' AND is_automatic AND is_by_day AND age_days IS NOT NULL
    GROUP BY ALL
    HAVING count(*) >= 5
),

classed AS (
    SELECT
        d.*,
        u.usual_age_days,
        CASE
            WHEN d.operation_type = 'remove_resource' THEN 'removal'
            WHEN d.operation_type <> 'delete' THEN d.operation_type
            WHEN NOT coalesce(d.is_automatic, false) THEN 'manual'
            WHEN NOT d.is_by_day THEN 'night'
            WHEN NOT d.is_born THEN 'unknown_birth'
            WHEN d.age_days < u.usual_age_days - 1 THEN 'early'
            ELSE 'retention'
        END AS class,
        d.operation_type = 'delete' AND d.outcome = 'ok' AS is_counted,
        epoch(d.created_at)::BIGINT AS second
    FROM deletion AS d
    LEFT JOIN usual AS u USING (source, retention_of)
),

rolling AS (
    SELECT
        source,
        task_id,
        vault_id,
        second,
        count(*) OVER hour_before AS n,
        count(*) FILTER (class IN ('manual', 'early', 'night')) OVER hour_before AS odd
    FROM classed
    WHERE is_counted
    WINDOW hour_before AS (
        PARTITION BY source, vault_id ORDER BY second RANGE BETWEEN 3600 PRECEDING AND CURRENT ROW
    )
),

usual_hour AS (
    SELECT source, vault_id, median(n) AS middle, mad(n) AS spread, count(*) AS hours
    FROM (
        SELECT source, vault_id, second // 3600 AS hour, count(*) AS n FROM classed WHERE is_counted GROUP BY ALL
    )
    GROUP BY ALL
),

judged AS (
    SELECT
        r.source,
        r.task_id,
        max(r.n) OVER hour_after AS burst_size,
        bool_or(
            r.n >= 20 AND r.odd > 0.5 * r.n AND (r.n > u.middle + 10 * u.spread OR u.hours <= 2)
        ) OVER hour_after AS is_mass_delete
    FROM rolling AS r
    LEFT JOIN usual_hour AS u ON u.source = r.source AND coalesce(u.vault_id, '') = coalesce(r.vault_id, '')
    WINDOW hour_after AS (
        PARTITION BY r.source, r.vault_id ORDER BY r.second RANGE BETWEEN CURRENT ROW AND 3600 FOLLOWING
    )
)

SELECT
    c.source,
    c.task_id,
    c.operation_type,
    c.outcome,
    c.class,
    c.created_at,
    c.created_local,
    c.vault_id,
    c.vault_name,
    c.resource_id,
    c.resource_name,
    c.backup_id,
    c.backups_deleted,
    c.failures,
    c.age_days,
    c.usual_age_days,
    c.request_id,
    b.burst_size,
    coalesce(b.is_mass_delete, false) AS is_mass_delete
FROM classed AS c
LEFT JOIN judged AS b ON b.source = c.source AND b.task_id = c.task_id
