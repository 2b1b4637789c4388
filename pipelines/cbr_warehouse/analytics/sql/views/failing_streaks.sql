-- Question: which runs of failures were there, and what is the proof that each was made good?
-- Grain: one row per source, resource and unbroken run of failed backup attempts, over all history.
-- Definition: from the creation of the first failed attempt to the end of the first successful one after it, of
--   whatever kind. duration_hours is that length; a streak without recovery has censored_hours instead, up to
--   analytics.as_of, to the removal of its resource, or to the watermark of a source that is left out.
-- Settings: none
-- Edge cases: a single failure is a streak of one. Skipped, open and unknown attempts neither add nor end it. A
--   removed resource's last streak is ended_by removal: neither open nor recovered, and so
--   is that of a source left out of analytics.as_of (not_loaded): how it went on is not known. A streak that began before
--   the history begins is seen from its first failure held.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   project_id: Project.
--   vault_id: Vault at the first failure.
--   streak: Number of the streak of this resource, from 1.
--   failures: Failed attempts in it.
--   first_failed_at: When its first failed attempt was created.
--   last_failed_at: When its last failed attempt was created.
--   first_task_id: First failed task.
--   last_task_id: Last failed task.
--   first_error_code: Code of the first failure; (none) where it has none.
--   last_error_code: Code of the last failure; (none) where it has none.
--   error_codes: All its error codes; (none) for failures without one.
--   recovered_at: When the successful attempt that ended it had ended.
--   recovered_by: That task; NULL where there is none.
--   is_open: Whether it still lasts.
--   ended_by: recovery, removal, not_loaded, or NULL while it is open.
--   duration_hours: From first_failed_at to recovered_at.
--   censored_hours: Without recovery: from first_failed_at to analytics.as_of, to removal, or
--     to its source's watermark where that is left out.
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
