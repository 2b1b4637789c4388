-- Question: which resources fail repeatedly?
-- Grain: one row per row of unresolved_failures with at least `strikes` strikes.
-- Definition: as in unresolved_failures.
-- Settings: strikes
-- Edge cases: strikes count attempts: an hourly policy reaches three in three hours, a weekly one in three weeks; see
--   age_hours.
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
SELECT u.*
FROM analytics.unresolved_failures AS u
CROSS JOIN analytics.settings AS s
WHERE u.strikes >= s.strikes
