-- Question: which resources failed so often in a row that somebody should have been told, and when?
-- Grain: one row per series of failures (failing_streaks) of at least `strikes` failures.
-- Definition: as in failing_streaks; the alarm is raised when the failure that makes it `strikes` was created.
-- Settings: strikes, signal_window
-- Edge cases: as in failing_streaks. consecutive_failures has those that are not resolved now.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   vault_id: Vault of its earliest failure that names one.
--   failures: Failed attempts in it.
--   error_code: Code of the last failure; (none) where it has none.
--   began_at: When its first failed attempt was created.
--   raised_at: When the failure that makes it so many was created.
--   last_at: When its last failed attempt was created.
--   ended_by: recovery, removal, not_loaded, or NULL while it is open.
SELECT
    k.source,
    k.resource_id,
    k.resource_name,
    k.vault_id,
    k.failures,
    k.last_error_code AS error_code,
    k.first_failed_at AS began_at,
    list_sort(list(a.created_at), 'ASC', 'NULLS LAST')[any_value(s.strikes)] AS raised_at,
    k.last_failed_at AS last_at,
    k.ended_by
FROM analytics.failing_streaks AS k
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
JOIN analytics.attempt AS a
    ON a.source = k.source AND a.resource_id = k.resource_id
    AND a.created_at >= k.first_failed_at AND a.created_at <= k.last_failed_at
WHERE k.failures >= s.strikes AND k.last_failed_at >= o.as_of - to_seconds(epoch(s.signal_window))
    AND a.operation_type = 'backup' AND a.outcome = 'fail'
GROUP BY ALL
