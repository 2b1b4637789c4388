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
--   first_copied_at: When the first copy was finished.
--   destination_regions: Regions with a finished copy.
--   restores_ok: Successful restores from it.
--   deletions_ok: Successful deletions.
--   deletions_failed: Failed ones.
--   deleted_at: Earliest end of a successful deletion.
--   delete_task_id: Task of that deletion.
--   kept_days: From usable_at to deleted_at.
--   finding: What is inconsistent; NULL if nothing is.
WITH history AS (
    SELECT source, min(created_at) AS began_at FROM analytics.attempt GROUP BY source
),

-- Most backups have one deletion and one copy: their task and region are the smallest, and nothing is sorted.
deletion AS (
    SELECT
        a.source,
        a.delete_backup_id AS backup_id,
        min(a.delete_backup_name) AS backup_name,
        min(a.resource_id) AS resource_id,
        count(*) FILTER (a.outcome = 'ok') AS deletions_ok,
        count(*) FILTER (a.outcome = 'fail') AS deletions_failed,
        count(*) FILTER (a.outcome = 'open') AS deletions_open,
        min(coalesce(a.ended_at, a.created_at)) FILTER (a.outcome = 'ok') AS deleted_at,
        min(a.task_id) FILTER (a.outcome = 'ok') AS delete_task_id
    FROM analytics.attempt AS a
    WHERE a.operation_type = 'delete' AND a.delete_backup_id IS NOT NULL
    GROUP BY ALL
),

deleted_again AS (
    SELECT
        a.source,
        a.delete_backup_id AS backup_id,
        arg_min(a.task_id, (coalesce(a.ended_at, a.created_at), a.task_id)) AS delete_task_id
    FROM analytics.attempt AS a
    SEMI JOIN (SELECT source, backup_id FROM deletion WHERE deletions_ok > 1) AS d
        ON d.source = a.source AND d.backup_id = a.delete_backup_id
    WHERE a.operation_type = 'delete' AND a.outcome = 'ok'
    GROUP BY ALL
),

copy AS (
    SELECT
        a.source,
        a.source_backup_id AS backup_id,
        min(a.resource_id) AS resource_id,
        count(*) FILTER (a.outcome = 'ok') AS copies_ok,
        count(*) FILTER (a.outcome = 'fail') AS copies_failed,
        min(coalesce(a.ended_at, a.created_at)) FILTER (a.outcome = 'ok') AS first_copied_at,
        min(a.created_at) AS first_created_at,
        max(a.created_at) AS last_created_at,
        min(a.destination_region) FILTER (a.outcome = 'ok') AS first_region,
        max(a.destination_region) FILTER (a.outcome = 'ok') AS last_region,
        count(a.destination_region) FILTER (a.outcome = 'ok') AS copies_with_region
    FROM analytics.attempt AS a
    WHERE a.source_backup_id IS NOT NULL
    GROUP BY ALL
),

copied_widely AS (
    SELECT
        a.source,
        a.source_backup_id AS backup_id,
        list_sort(list(DISTINCT a.destination_region)) AS destination_regions
    FROM analytics.attempt AS a
    SEMI JOIN (
        SELECT source, backup_id
        FROM copy
        WHERE first_region <> last_region OR copies_with_region BETWEEN 1 AND copies_ok - 1
    ) AS c
        ON c.source = a.source AND c.backup_id = a.source_backup_id
    WHERE a.outcome = 'ok'
    GROUP BY ALL
),

restore AS (
    SELECT
        a.source,
        a.restore_backup_id AS backup_id,
        min(a.resource_id) AS resource_id,
        count(*) FILTER (a.outcome = 'ok') AS restores_ok
    FROM analytics.attempt AS a
    WHERE a.restore_backup_id IS NOT NULL
    GROUP BY ALL
),

known AS (
    SELECT
        coalesce(p.source, d.source) AS source,
        coalesce(p.backup_id, d.backup_id) AS backup_id,
        coalesce(p.backup_name, d.backup_name) AS backup_name,
        coalesce(p.resource_id, d.resource_id) AS resource_id,
        p.task_id AS made_by,
        p.rp_at,
        p.usable_at,
        d.deletions_ok,
        d.deletions_failed,
        d.deletions_open,
        d.deleted_at,
        d.delete_task_id
    FROM (SELECT * FROM analytics.recovery_point WHERE backup_id IS NOT NULL) AS p
    FULL JOIN deletion AS d ON d.source = p.source AND d.backup_id = p.backup_id
),

ledger AS (
    SELECT
        coalesce(k.source, c.source, r.source) AS source,
        coalesce(k.backup_id, c.backup_id, r.backup_id) AS backup_id,
        k.backup_name,
        coalesce(k.resource_id, c.resource_id, r.resource_id) AS resource_id,
        k.made_by,
        k.rp_at,
        k.usable_at,
        coalesce(c.copies_ok, 0) AS copies_ok,
        coalesce(c.copies_failed, 0) AS copies_failed,
        c.first_copied_at,
        c.first_created_at,
        c.last_created_at,
        c.first_region,
        coalesce(r.restores_ok, 0) AS restores_ok,
        coalesce(k.deletions_ok, 0) AS deletions_ok,
        coalesce(k.deletions_failed, 0) AS deletions_failed,
        coalesce(k.deletions_open, 0) AS deletions_open,
        k.deleted_at,
        k.delete_task_id
    FROM known AS k
    FULL JOIN copy AS c USING (source, backup_id)
    FULL JOIN restore AS r USING (source, backup_id)
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
    CASE WHEN l.copies_ok > 0 THEN coalesce(w.destination_regions, [l.first_region]) END AS destination_regions,
    l.restores_ok,
    l.deletions_ok,
    l.deletions_failed,
    l.deleted_at,
    coalesce(g.delete_task_id, l.delete_task_id) AS delete_task_id,
    (epoch_us(l.deleted_at) - epoch_us(l.usable_at)) / 86400000000 AS kept_days,
    CASE
        WHEN l.deletions_ok > 1 THEN 'deleted_twice'
        WHEN l.last_created_at > l.deleted_at THEN 'copy_after_deletion'
        WHEN e.backup_id IS NOT NULL THEN 'early_deletion'
        WHEN l.deletions_failed > 0 AND l.deletions_ok + l.deletions_open = 0 THEN 'undeletable'
        WHEN l.made_by IS NULL
            AND r.first_attempt_at > h.began_at + INTERVAL 48 HOUR + to_seconds(epoch(r.backup_interval))
            THEN CASE
                WHEN l.deletions_ok + l.deletions_open > 0 THEN 'deleted_without_birth'
                WHEN l.first_created_at IS NOT NULL THEN 'copied_without_birth'
                ELSE 'restored_without_birth'
            END
    END AS finding
FROM ledger AS l
JOIN history AS h ON h.source = l.source
LEFT JOIN early AS e ON e.source = l.source AND e.backup_id = l.backup_id
LEFT JOIN deleted_again AS g ON g.source = l.source AND g.backup_id = l.backup_id
LEFT JOIN copied_widely AS w ON w.source = l.source AND w.backup_id = l.backup_id
LEFT JOIN analytics.resource AS r ON r.source = l.source AND r.resource_id = l.resource_id
