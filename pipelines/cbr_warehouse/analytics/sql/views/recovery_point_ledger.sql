-- Question: what happened to each recovery point, and which histories are inconsistent?
-- Grain: one row per source and backup id that was made, copied, restored from or deleted in the log.
-- Definition: making, copies, restores and deletions by backup id. finding, the first that fits: deleted_twice (more than one
--   successful deletion); copy_after_deletion (a replication of it was created after deleted_at); early_deletion (a
--   successful deletion has the class early in deletion_class); undeletable (deletions failed, none succeeded or is open);
--   deleted_without_birth, copied_without_birth or restored_without_birth (its making is not in the log although the resource was
--   first tried more than its interval and 48 hours after the log began); else NULL.
-- Settings: default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: a backup that may have been made before the log began is no finding. Deletions with a vault, with a resource
--   or by a sync name no backup id. Copies count over all destination regions.
-- Columns:
--   source: Name of the configured source.
--   backup_id: Backup.
--   backup_name: Its name, from the task that made it, else from one that deleted it.
--   resource_id: Resource.
--   made_by: Task that made it.
--   rp_at: The moment it restores to.
--   usable_at: When it became usable.
--   copies_ok: Successful copies.
--   copies_failed: Failed ones.
--   first_copied_at: When the first copy was finished; its updated_at, else created_at, where the end is missing.
--   destination_regions: Regions with a finished copy.
--   restores_ok: Successful restores from it.
--   deletions_ok: Successful deletions.
--   deletions_failed: Failed ones.
--   deleted_at: Earliest end of a successful deletion; its updated_at, else created_at, where the end is missing.
--   delete_task_id: Task of that deletion.
--   kept_days: From usable_at to deleted_at.
--   finding: What is inconsistent; NULL if nothing is.
WITH history AS (
    SELECT source, min(created_at) AS began_at FROM analytics.attempt GROUP BY source
),

-- Backups whose making is not in the log.
unmade AS (
    SELECT DISTINCT n.source, n.backup_id
    FROM (
        SELECT source, backup_id
        FROM analytics.deletion
        WHERE operation_type = 'delete' AND backup_id IS NOT NULL AND age_us IS NULL
        UNION ALL
        SELECT source, source_backup_id FROM analytics.attempt WHERE source_backup_id IS NOT NULL
        UNION ALL
        SELECT source, restore_backup_id FROM analytics.attempt WHERE restore_backup_id IS NOT NULL
    ) AS n
    ANTI JOIN analytics.recovery_point AS p ON p.source = n.source AND p.backup_id = n.backup_id
),

-- Those of which the table of recovery points does not know all.
asked AS (
    FROM unmade
    UNION
    SELECT source, backup_id
    FROM analytics.recovery_point
    WHERE backup_id IS NOT NULL AND (backup_name IS NULL OR resource_id IS NULL)
),

event AS (
    SELECT a.source, a.delete_backup_id AS backup_id, 'deletion' AS kind, a.delete_backup_name AS backup_name, a.task_id,
        a.resource_id, a.outcome, a.created_at, coalesce(a.ended_at, a.updated_at, a.created_at) AS over_at,
        NULL AS destination_region
    FROM analytics.attempt AS a
    SEMI JOIN asked AS b ON b.source = a.source AND b.backup_id = a.delete_backup_id
    WHERE a.operation_type = 'delete'
    UNION ALL
    SELECT a.source, a.source_backup_id, 'copy', NULL, NULL, a.resource_id, a.outcome, a.created_at,
        coalesce(a.ended_at, a.updated_at, a.created_at), a.destination_region
    FROM analytics.attempt AS a
    SEMI JOIN asked AS b ON b.source = a.source AND b.backup_id = a.source_backup_id
    UNION ALL
    SELECT a.source, a.restore_backup_id, 'restore', NULL, NULL, a.resource_id, a.outcome, NULL, NULL, NULL
    FROM analytics.attempt AS a
    SEMI JOIN asked AS b ON b.source = a.source AND b.backup_id = a.restore_backup_id
),

known AS (
    SELECT
        source,
        backup_id,
        min(backup_name) AS backup_name,
        coalesce(
            min(resource_id) FILTER (kind = 'deletion'),
            min(resource_id) FILTER (kind = 'copy'),
            min(resource_id) FILTER (kind = 'restore')
        ) AS resource_id,
        count(*) FILTER (kind = 'copy' AND outcome = 'ok') AS copies_ok,
        count(*) FILTER (kind = 'copy' AND outcome = 'fail') AS copies_failed,
        min(over_at) FILTER (kind = 'copy' AND outcome = 'ok') AS first_copied_at,
        min(created_at) FILTER (kind = 'copy') AS first_copy_created_at,
        max(created_at) FILTER (kind = 'copy') AS last_copy_created_at,
        list_sort(list(DISTINCT destination_region) FILTER (kind = 'copy' AND outcome = 'ok')) AS destination_regions,
        count(*) FILTER (kind = 'restore' AND outcome = 'ok') AS restores_ok,
        count(*) FILTER (kind = 'deletion' AND outcome = 'ok') AS deletions_ok,
        count(*) FILTER (kind = 'deletion' AND outcome = 'fail') AS deletions_failed,
        count(*) FILTER (kind = 'deletion' AND outcome = 'open') AS deletions_open,
        min(over_at) FILTER (kind = 'deletion' AND outcome = 'ok') AS deleted_at,
        arg_min(task_id, (over_at, task_id)) FILTER (kind = 'deletion' AND outcome = 'ok') AS delete_task_id
    FROM event
    GROUP BY source, backup_id
),

ledger AS (
    SELECT
        p.source,
        p.backup_id,
        coalesce(p.backup_name, k.backup_name) AS backup_name,
        coalesce(p.resource_id, k.resource_id) AS resource_id,
        p.task_id AS made_by,
        p.rp_at,
        p.usable_at,
        p.copies_ok,
        p.copies_failed,
        p.first_copied_at,
        p.last_copy_created_at,
        p.destination_regions,
        p.restores_ok,
        p.deletions_ok,
        p.deletions_failed,
        p.deletions_open,
        p.deleted_at,
        p.delete_task_id,
        NULL AS without_birth
    FROM analytics.recovery_point AS p
    LEFT JOIN known AS k ON k.source = p.source AND k.backup_id = p.backup_id
    WHERE p.backup_id IS NOT NULL
    UNION ALL
    SELECT
        k.source,
        k.backup_id,
        k.backup_name,
        k.resource_id,
        NULL,
        NULL,
        NULL,
        k.copies_ok,
        k.copies_failed,
        k.first_copied_at,
        k.last_copy_created_at,
        k.destination_regions,
        k.restores_ok,
        k.deletions_ok,
        k.deletions_failed,
        k.deletions_open,
        k.deleted_at,
        k.delete_task_id,
        CASE
            WHEN r.first_attempt_at > h.began_at + INTERVAL 48 HOUR + to_seconds(epoch(r.backup_interval))
                THEN CASE
                    WHEN k.deletions_ok + k.deletions_open > 0 THEN 'deleted_without_birth'
                    WHEN k.first_copy_created_at IS NOT NULL THEN 'copied_without_birth'
                    ELSE 'restored_without_birth'
                END
        END
    FROM known AS k
    SEMI JOIN unmade AS u ON u.source = k.source AND u.backup_id = k.backup_id
    JOIN history AS h ON h.source = k.source
    LEFT JOIN analytics.resource AS r ON r.source = k.source AND r.resource_id = k.resource_id
),

early AS (
    SELECT DISTINCT source, backup_id FROM analytics.deletion_class WHERE class = 'early' AND outcome = 'ok'
)

SELECT
    l.source,
    l.backup_id,
    l.backup_name,
    l.resource_id,
    l.made_by,
    l.rp_at,
    l.usable_at,
    l.copies_ok,
    l.copies_failed,
    l.first_copied_at,
    l.destination_regions,
    l.restores_ok,
    l.deletions_ok,
    l.deletions_failed,
    l.deleted_at,
    l.delete_task_id,
    (epoch_us(l.deleted_at) - epoch_us(l.usable_at)) / 86400000000 AS kept_days,
    CASE
        WHEN l.deletions_ok > 1 THEN 'deleted_twice'
        WHEN l.last_copy_created_at > l.deleted_at THEN 'copy_after_deletion'
        WHEN e.backup_id IS NOT NULL THEN 'early_deletion'
        WHEN l.deletions_failed > 0 AND l.deletions_ok + l.deletions_open = 0 THEN 'undeletable'
        ELSE l.without_birth
    END AS finding
FROM ledger AS l
LEFT JOIN early AS e ON e.source = l.source AND e.backup_id = l.backup_id
