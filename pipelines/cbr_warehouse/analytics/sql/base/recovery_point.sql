-- Question: which recovery points were made, since when are they usable, where were they copied, when were they deleted?
-- Grain: one row per source and successful backup task.
-- Definition: rp_at, the moment it restores to, is started_at (created_at where that is missing). usable_at is ended_at
--   (updated_at, else created_at, where that is missing). It is usable from usable_at until deleted_at, the earliest end
--   (updated_at, else created_at) of a successful deletion of its backup_id. first_copied_at is the earliest end of a
--   successful replication of it, to whatever region; see recovery_point_copy for each region.
-- Settings: none
-- Edge cases: a backup without backup_id is a recovery point that no copy, restore or deletion can refer to. Deletions with
--   a vault, with a resource or by a sync name no backup and do not set deleted_at. Only the source knows whether it
--   still exists.
-- Columns:
--   source: Name of the configured source.
--   task_id: Backup task that made it.
--   backup_id: Its id.
--   backup_name: Its name.
--   resource_id: Resource.
--   resource_type: Its type.
--   provider_id: Provider.
--   vault_id: Vault it was made in.
--   policy_id: Policy that made it; NULL for a manual one.
--   is_scheduled: Whether a policy made it.
--   is_full: Whether it is a full backup.
--   app_consistency_status: 1 application-consistent, 0 not.
--   is_downgraded: Whether it was to be application-consistent and is only crash-consistent.
--   created_at: When that task was created.
--   rp_at: The moment it restores to.
--   usable_at: When it became usable.
--   copies_ok: Successful replications, over all regions.
--   copies_failed: Failed replications, over all regions.
--   copies_open: Replications under way, over all regions.
--   copies_tried: Replications of whatever outcome, over all regions.
--   first_copied_at: When the first copy was finished, in whatever region.
--   first_copy_created_at: When its first replication, of any outcome, was created.
--   last_copy_created_at: When its last replication, of any outcome, was created.
--   copy_region: Destination of all its replications, (unknown) where they name none; NULL where they have several, or there
--       is none.
--   destination_regions: Regions that hold a copy.
--   restores_ok: Successful restores from it.
--   deletions_ok: Successful deletions.
--   deletions_failed: Failed ones.
--   deletions_open: Deletions under way.
--   deleted_at: When it was deleted.
--   delete_task_id: Task that deleted it.
WITH point AS (
    SELECT *
    FROM touched_backups
    WHERE outcome = 'ok'
),

copy AS (
    SELECT
        a.source,
        a.source_backup_id AS backup_id,
        count(*) FILTER (a.outcome = 'ok') AS copies_ok,
        count(*) FILTER (a.outcome = 'fail') AS copies_failed,
        count(*) FILTER (a.outcome = 'open') AS copies_open,
        min(coalesce(a.ended_at, a.updated_at, a.created_at)) FILTER (a.outcome = 'ok') AS first_copied_at,
        min(a.created_at) AS first_copy_created_at,
        max(a.created_at) AS last_copy_created_at,
        count(*) AS copies_tried,
        min(a.region) AS first_region,
        max(a.region) AS last_region
    FROM (
        SELECT *, coalesce(nullif(destination_region, ''), '(unknown)') AS region
        FROM analytics.attempt
    ) AS a
    SEMI JOIN point AS p ON p.source = a.source AND p.backup_id = a.source_backup_id
    GROUP BY ALL
),

-- Most have one region: lists are made of the others alone.
copied_widely AS (
    SELECT
        a.source,
        a.source_backup_id AS backup_id,
        list_sort(list(DISTINCT a.destination_region)) AS destination_regions
    FROM analytics.attempt AS a
    SEMI JOIN (
        SELECT source, backup_id
        FROM copy
        WHERE copies_ok > 0 AND (first_region <> last_region OR first_region = '(unknown)')
    ) AS c ON c.source = a.source AND c.backup_id = a.source_backup_id
    WHERE a.outcome = 'ok'
    GROUP BY ALL
),

restore AS (
    SELECT a.source, a.restore_backup_id AS backup_id, count(*) FILTER (a.outcome = 'ok') AS restores_ok
    FROM analytics.attempt AS a
    SEMI JOIN point AS p ON p.source = a.source AND p.backup_id = a.restore_backup_id
    GROUP BY ALL
),

deletion AS (
    SELECT
        a.source,
        a.delete_backup_id AS backup_id,
        count(*) FILTER (a.outcome = 'ok') AS deletions_ok,
        count(*) FILTER (a.outcome = 'fail') AS deletions_failed,
        count(*) FILTER (a.outcome = 'open') AS deletions_open,
        min(coalesce(a.ended_at, a.updated_at, a.created_at)) FILTER (a.outcome = 'ok') AS deleted_at,
        arg_min(a.task_id, (coalesce(a.ended_at, a.updated_at, a.created_at), a.task_id))
            FILTER (a.outcome = 'ok') AS delete_task_id
    FROM analytics.attempt AS a
    SEMI JOIN point AS p ON p.source = a.source AND p.backup_id = a.delete_backup_id
    GROUP BY ALL
)

SELECT
    p.source,
    p.task_id,
    p.backup_id,
    p.backup_name,
    p.resource_id,
    p.resource_type,
    p.provider_id,
    p.vault_id,
    p.policy_id,
    p.is_scheduled,
    p.is_full,
    p.app_consistency_status,
    p.is_downgraded,
    p.created_at,
    coalesce(p.started_at, p.created_at) AS rp_at,
    coalesce(p.ended_at, p.updated_at, p.created_at) AS usable_at,
    coalesce(c.copies_ok, 0) AS copies_ok,
    coalesce(c.copies_failed, 0) AS copies_failed,
    coalesce(c.copies_open, 0) AS copies_open,
    coalesce(c.copies_tried, 0) AS copies_tried,
    c.first_copied_at,
    c.first_copy_created_at,
    c.last_copy_created_at,
    CASE WHEN c.first_region = c.last_region THEN c.first_region END AS copy_region,
    CASE WHEN c.copies_ok > 0 THEN coalesce(w.destination_regions, [c.first_region]) END AS destination_regions,
    coalesce(r.restores_ok, 0) AS restores_ok,
    coalesce(d.deletions_ok, 0) AS deletions_ok,
    coalesce(d.deletions_failed, 0) AS deletions_failed,
    coalesce(d.deletions_open, 0) AS deletions_open,
    d.deleted_at,
    d.delete_task_id
FROM point AS p
LEFT JOIN copy AS c USING (source, backup_id)
LEFT JOIN copied_widely AS w USING (source, backup_id)
LEFT JOIN restore AS r USING (source, backup_id)
LEFT JOIN deletion AS d USING (source, backup_id)
