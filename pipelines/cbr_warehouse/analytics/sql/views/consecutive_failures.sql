-- Question: which resources fail again and again?
-- Grain: one row per source and resource, not removed, with at least `strikes` failures in a row.
-- Definition: rows of unresolved_failures whose strikes have reached the setting.
-- Settings: strikes
-- Edge cases: as in unresolved_failures. Strikes count attempts, so an hourly policy reaches three in three
--   hours and a weekly one in three weeks: see age_hours beside.
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
--   text_en: What the vendor says of error_code.
--   advice_en: What the vendor advises.
--   text_zh: The text in Chinese.
--   advice_zh: The advice in Chinese.
--   last_task_id: Last failed task.
--   last_ok_at: When the last successful backup ended; NULL if none ever.
--   ever_ok: Whether a backup of it was ever successful.
SELECT u.*
FROM analytics.unresolved_failures AS u
CROSS JOIN analytics.settings AS s
WHERE u.strikes >= s.strikes
