-- Question: what was deleted, was it due, and does it look like an attack or a mistake?
-- Grain: one row per task that deletes: the rows of deletion_class.
-- Definition: class as in deletion_class. A successful delete task belongs to a mass delete if within some hour around it
--   its vault has at least `mass_delete` successful deletes of the classes retention, manual, early and night, more of them manual,
--   early or night than retention, and more successful deletes than is usual for the vault: more than the median
--   of its other UTC hours with deletions plus ten times their spread. Other hours are those more than 12 hours away, so
--   that a burst is no part of what is usual. The spread is their median absolute deviation, at least a tenth of the
--   median. With fewer than 5 such hours nothing is usual, and the first two conditions decide.
-- Settings: mass_delete, timezone (of the source, else the global one)
-- Edge cases: the log does not say who deleted: request_id leads to the trace service. Failed deletions are listed with
--   outcome fail and belong to no burst. Deletes of class unknown_birth count in burst_size, but not towards `mass_delete`.
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
--   burst_size: Successful deletes of this vault within the hour around it that has most.
--   is_mass_delete: Whether it belongs to a mass delete.
WITH
-- include deletion_classed
,

counted AS NOT MATERIALIZED (
    SELECT
        *,
        operation_type = 'delete' AND outcome = 'ok' AS is_counted,
        coalesce(vault_id, '') AS of_vault,
        epoch_us(created_at) // 1000000 AS second
    FROM classed
),

instant AS (
    -- The numbers of an hour are the same for all deletions of a vault in one second: narrow rows to order.
    SELECT
        source,
        of_vault AS vault_id,
        second,
        count(*) AS deleted,
        count(*) FILTER (class IN ('manual', 'early', 'night')) AS deleted_odd,
        count(*) FILTER (class = 'retention') AS deleted_due
    FROM counted
    WHERE is_counted
    GROUP BY source, of_vault, second
),

-- include deletion_burst

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
    c.age_us / 86400000000 AS age_days,
    c.usual_age_days,
    c.request_id,
    CASE WHEN c.is_counted THEN b.burst_size END AS burst_size,
    coalesce(c.is_counted AND b.is_mass_delete, false) AS is_mass_delete
FROM counted AS c
LEFT JOIN burst AS b ON b.source = c.source AND b.vault_id = c.of_vault AND b.second = c.second
