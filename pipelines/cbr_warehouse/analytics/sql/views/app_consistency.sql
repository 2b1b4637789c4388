-- Question: how often is a backup only crash-consistent although application consistency was requested?
-- Grain: one row per source and vault with an intended backup in the lookback that ends at analytics.as_of.
-- Definition: intended are successful backups with app_consistency_status 1, and those with status 0 and an error code that is
--   neither empty nor 0; the latter are downgraded.
-- Settings: lookback
-- Edge cases: status 0 without an error code is crash-consistent by configuration, and in no denominator.
-- Columns:
--   source: Name of the configured source.
--   vault_id: Vault.
--   vault_name: Its name.
--   intended: Successful backups that were to be application-consistent.
--   downgraded: Of them only crash-consistent.
--   downgrade_rate: downgraded / intended.
--   resources_downgraded: Resources of the downgraded ones.
--   error_codes: Their error codes.
--   last_downgraded_at: When the last was created.
WITH
-- include lookback

SELECT
    a.source,
    a.vault_id,
    arg_max(a.vault_name, (a.created_at, a.task_id)) AS vault_name,
    count(*) AS intended,
    count(*) FILTER (a.is_downgraded) AS downgraded,
    count(*) FILTER (a.is_downgraded) / count(*) AS downgrade_rate,
    count(DISTINCT a.resource_id) FILTER (a.is_downgraded) AS resources_downgraded,
    coalesce(list_sort(list(DISTINCT a.app_consistency_error_code) FILTER (a.is_downgraded)), []) AS error_codes,
    max(a.created_at) FILTER (a.is_downgraded) AS last_downgraded_at
FROM analytics.attempt AS a
CROSS JOIN span AS p
WHERE a.operation_type = 'backup' AND a.outcome = 'ok' AND a.created_at > p.from_at AND a.created_at < p.to_at
    AND (a.app_consistency_status = '1' OR a.is_downgraded)
GROUP BY a.source, a.vault_id
ORDER BY a.source, downgrade_rate DESC, a.vault_id
