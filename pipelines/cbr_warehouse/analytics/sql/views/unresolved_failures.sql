-- Question: whose backups are failing, for how long, and why?
-- Grain: one row per source and resource, not removed and of a source that is not excluded from analytics.as_of, whose
--   latest backup attempt that is ok or failed is a failure.
-- Definition: strikes are the failed attempts since the last successful one, of whatever kind (backups are permanently
--   incremental, so no full one is needed). age_hours runs from the creation of the first of them to analytics.as_of.
-- Settings: none
-- Edge cases: a timeout is a failure. Skipped, open and unknown attempts neither add a strike nor reset them, so a retry
--   that is still running does not resolve its failure. A resource that has failed since its first attempt has ever_ok
--   false. Tasks created after analytics.as_of (of a source loaded more recently) count; their age is 0.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   project_id: Project.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy; NULL if none ever.
--   strikes: Failed attempts since the last success.
--   first_failed_at: When the first of them was created.
--   last_failed_at: When the last of them was created.
--   age_hours: From first_failed_at to analytics.as_of.
--   error_code: Code of the last failure; (none) where it has none.
--   error_codes: All codes since the last success; (none) for failures without one.
--   text_en: The vendor's text for error_code.
--   advice_en: The vendor's advice.
--   text_zh: The text in Chinese.
--   advice_zh: The advice in Chinese.
--   last_task_id: Last failed task.
--   last_ok_at: Latest usable_at of a recovery point of it; NULL if it has no recovery point.
--   ever_ok: Whether a backup of it was ever successful.
WITH failing AS (
    SELECT k.*, r.resource_name, r.resource_type, r.vault_name, r.vault_id AS newest_vault_id, r.policy_id
    FROM analytics.streak AS k
    JOIN analytics.resource AS r USING (source, resource_id)
    WHERE k.recovered_by IS NULL AND r.removed_at IS NULL AND r.not_loaded_since IS NULL
),

success AS (
    SELECT p.source, p.resource_id, max(p.usable_at) AS last_ok_at
    FROM analytics.recovery_point AS p
    SEMI JOIN failing AS f ON f.source = p.source AND f.resource_id = p.resource_id
    GROUP BY ALL
)

SELECT
    f.source,
    f.resource_id,
    f.resource_name,
    f.resource_type,
    f.project_id,
    f.newest_vault_id AS vault_id,
    f.vault_name,
    f.policy_id,
    f.failures AS strikes,
    f.first_failed_at,
    f.last_failed_at,
    CASE WHEN o.as_of IS NOT NULL THEN greatest(0, epoch_us(o.as_of) - epoch_us(f.first_failed_at)) / 3600000000 END
        AS age_hours,
    coalesce(f.last_error_code, '(none)') AS error_code,
    list_transform(f.error_codes, lambda code: coalesce(code, '(none)')) AS error_codes,
    e.text_en,
    e.advice_en,
    e.text_zh,
    e.advice_zh,
    f.last_task_id,
    k.last_ok_at,
    k.last_ok_at IS NOT NULL AS ever_ok
FROM failing AS f
CROSS JOIN analytics.as_of AS o
LEFT JOIN success AS k USING (source, resource_id)
LEFT JOIN analytics.error_code AS e ON e.error_code = f.last_error_code
