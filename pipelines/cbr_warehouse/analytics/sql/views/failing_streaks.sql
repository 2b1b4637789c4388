-- Question: which series of failures were there, and what proves that each was resolved?
-- Grain: one row per source, resource and unbroken series of failed backup attempts, over all history.
-- Definition: a streak runs from the creation of its first failed attempt to the end of the first successful one after it, of
--   whatever kind; that is duration_hours. A streak without recovery has censored_hours instead, up to the removal of its
--   resource, else the watermark of a source that is excluded from analytics.as_of, else analytics.as_of.
-- Settings: none
-- Edge cases: a single failure is a streak of one. Skipped, open and unknown attempts neither belong to it nor end it. The
--   last streak of a removed resource has ended_by removal: it is neither open nor recovered. The same holds for not_loaded,
--   of a source excluded from analytics.as_of. A streak that began before the log is seen from its first failure stored.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   project_id: Project.
--   vault_id: Vault of its earliest failure that names one.
--   streak: Number of the streak of this resource, from 1.
--   failures: Failed attempts in it.
--   first_failed_at: When its first failed attempt was created.
--   last_failed_at: When its last failed attempt was created.
--   first_task_id: First failed task.
--   last_task_id: Last failed task.
--   first_error_code: Code of the first failure; (none) where it has none.
--   last_error_code: Code of the last failure; (none) where it has none.
--   error_codes: All its error codes; (none) for failures without one.
--   recovered_at: End of the success that follows; NULL without recovery.
--   recovered_by: Task of that success; NULL without recovery.
--   is_open: Whether it has neither ended nor been censored by removal or exclusion.
--   ended_by: recovery, removal, not_loaded, or NULL while it is open.
--   duration_hours: From first_failed_at to recovered_at.
--   censored_hours: Without recovery: from first_failed_at to removal, the source's watermark or analytics.as_of.
--   removed_at: When the resource was removed; NULL while it is protected.
SELECT
    k.source,
    k.resource_id,
    r.resource_name,
    r.resource_type,
    k.project_id,
    k.vault_id,
    k.streak,
    k.failures,
    k.first_failed_at,
    k.last_failed_at,
    k.first_task_id,
    k.last_task_id,
    coalesce(k.first_error_code, '(none)') AS first_error_code,
    coalesce(k.last_error_code, '(none)') AS last_error_code,
    list_transform(k.error_codes, lambda code: coalesce(code, '(none)')) AS error_codes,
    k.recovered_at,
    k.recovered_by,
    k.recovered_by IS NULL AND r.removed_at IS NULL AND r.not_loaded_since IS NULL AS is_open,
    CASE
        WHEN k.recovered_by IS NOT NULL THEN 'recovery'
        WHEN r.removed_at IS NOT NULL THEN 'removal'
        WHEN r.not_loaded_since IS NOT NULL THEN 'not_loaded'
    END AS ended_by,
    CASE WHEN k.recovered_by IS NOT NULL THEN (epoch_us(k.recovered_at) - epoch_us(k.first_failed_at)) / 3600000000 END
        AS duration_hours,
    CASE
        WHEN k.recovered_by IS NULL AND coalesce(r.removed_at, r.not_loaded_since, o.as_of) IS NOT NULL
            THEN greatest(0, epoch_us(coalesce(r.removed_at, r.not_loaded_since, o.as_of)) - epoch_us(k.first_failed_at))
                / 3600000000
    END AS censored_hours,
    r.removed_at
FROM analytics.streak AS k
CROSS JOIN analytics.as_of AS o
LEFT JOIN analytics.resource AS r USING (source, resource_id)
