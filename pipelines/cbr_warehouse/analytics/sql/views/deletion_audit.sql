-- Question: what was deleted, was it due, and does it look like an attack or a mistake?
-- Grain: one row per task that deletes: backups, resources removed with theirs, vaults, and syncs that delete.
-- Definition: class as in deletion_class. Mass delete: at least 20
--   successful deletions of one vault within an hour, more than the median of its hours with deletions plus ten
--   times their MAD (or in its only two such hours), more of them manual, early or at night than due by retention.
--   Those of unknown birth are in neither, nor in the 20.
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
WITH counted AS (
    SELECT
        *,
        operation_type = 'delete' AND outcome = 'ok' AS is_counted,
        epoch(created_at)::BIGINT AS second
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
        PARTITION BY source, vault_id ORDER BY second RANGE BETWEEN 3600 PRECEDING AND CURRENT ROW
    )
),

usual_hour AS (
    SELECT source, vault_id, median(n) AS middle, mad(n) AS spread, count(*) AS hours
    FROM (
        SELECT source, vault_id, second // 3600 AS hour, count(*) AS n FROM counted WHERE is_counted GROUP BY ALL
    )
    GROUP BY ALL
),

judged AS (
    SELECT
        r.*,
        max(r.n) FILTER (r.is_counted) OVER hour_after AS burst_size,
        bool_or(
            r.odd + r.due >= 20 AND r.odd > r.due AND (r.n > u.middle + 10 * u.spread OR u.hours <= 2)
        ) FILTER (r.is_counted) OVER hour_after AS is_mass_delete
    FROM rolling AS r
    LEFT JOIN usual_hour AS u ON u.source = r.source AND coalesce(u.vault_id, '') = coalesce(r.vault_id, '')
    WINDOW hour_after AS (
        PARTITION BY r.source, r.vault_id ORDER BY r.second RANGE BETWEEN CURRENT ROW AND 3600 FOLLOWING
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
