-- Question: what was deleted, was it due, and does it look like an attack or a mistake?
-- Grain: one row per task that deletes: the rows of deletion_class.
-- Definition: class as in deletion_class. A successful delete task belongs to a mass delete if within some hour around it
--   its vault has at least 20 successful deletes of the classes retention, manual, early and night, more of them manual,
--   early or night than retention, and more successful deletes than is usual for the vault: more than the median
--   of its other UTC hours with deletions plus ten times their spread. Other hours are those more than 12 hours away, so
--   that a burst is no part of what is usual. The spread is their median absolute deviation, at least a tenth of the
--   median. With fewer than 5 such hours nothing is usual, and the first two conditions decide.
-- Settings: timezone (of the source, else the global one)
-- Edge cases: the log does not say who deleted: request_id leads to the trace service. Failed deletions are listed with
--   outcome fail and belong to no burst. Deletes of class unknown_birth count in burst_size, but not towards the 20.
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
--     removed, by the task's own count; NULL of syncs.
--   age_days: From usable_at of the backup to the creation of the task; NULL where its making is not in the log.
--   usual_age_days: Usual age at deletion under its policy; NULL with fewer than 5 deletions.
--   request_id: Request that started the task, for the vendor's trace service.
--   burst_size: Successful deletes of this vault within the hour around it that has most.
--   is_mass_delete: Whether it belongs to a mass delete.
WITH counted AS (
    SELECT
        *,
        operation_type = 'delete' AND outcome = 'ok' AS is_counted,
        epoch_us(created_at) // 1000000 AS second
    FROM analytics.deletion_class
),

rolling AS (
    SELECT
        *,
        count(*) FILTER (is_counted) OVER hour_before AS n,
        count(*) FILTER (is_counted AND class IN ('manual', 'early', 'night')) OVER hour_before AS odd,
        count(*) FILTER (is_counted AND class = 'retention') OVER hour_before AS due
    FROM counted
    WINDOW hour_before AS (
        PARTITION BY source, vault_id ORDER BY second ASC RANGE BETWEEN 3600 PRECEDING AND CURRENT ROW
    )
),

candidate AS (
    SELECT source, coalesce(vault_id, '') AS vault_id, second // 3600 AS hour
    FROM rolling
    WHERE is_counted AND odd + due >= 20 AND odd > due
    GROUP BY ALL
),

busy_hour AS (
    SELECT source, coalesce(vault_id, '') AS vault_id, second // 3600 AS hour, count(*) AS n
    FROM counted
    WHERE is_counted
    GROUP BY ALL
),

usual AS (
    SELECT
        c.source,
        c.vault_id,
        c.hour,
        CASE
            WHEN count(h.n) >= 5 THEN median(h.n) + 10 * greatest(mad(h.n), median(h.n) / 10)
            ELSE 0
        END AS threshold
    FROM candidate AS c
    LEFT JOIN busy_hour AS h
        ON h.source = c.source AND h.vault_id = c.vault_id AND abs(h.hour - c.hour) > 12
    GROUP BY c.source, c.vault_id, c.hour
),

judged AS (
    SELECT
        r.*,
        max(r.n) FILTER (r.is_counted) OVER hour_after AS burst_size,
        bool_or(r.odd + r.due >= 20 AND r.odd > r.due AND r.n > u.threshold) FILTER (r.is_counted) OVER hour_after
            AS is_mass_delete
    FROM rolling AS r
    LEFT JOIN usual AS u
        ON u.source = r.source AND u.vault_id = coalesce(r.vault_id, '') AND u.hour = r.second // 3600
    WINDOW hour_after AS (
        PARTITION BY r.source, r.vault_id ORDER BY r.second ASC RANGE BETWEEN CURRENT ROW AND 3600 FOLLOWING
    )
)

SELECT
    source,
    task_id,
    operation_type,
    outcome,
    class,
    created_at,
    created_local,
    vault_id,
    vault_name,
    resource_id,
    resource_name,
    backup_id,
    backups_deleted,
    failures,
    age_days,
    usual_age_days,
    request_id,
    CASE WHEN is_counted THEN burst_size END AS burst_size,
    coalesce(is_counted AND is_mass_delete, false) AS is_mass_delete
FROM judged
