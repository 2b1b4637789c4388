-- Question: what is different from the previous period?
-- Grain: one row per kind of change and thing that changed.
-- Definition: new_code: an error code of failed backups not seen in the period before; new_streak: resources
--   whose failures in a row began in the period and go on at its end, by their first code; recovered: streaks
--   of at least `strikes` that ended in it; manual_deletes: deletions of backups that were made on demand (name
--   not autobk_); enrolled: resources first attempted within the log whose first usable backup is of the period;
--   not_backed_up: resources first attempted in the period that have no usable backup at its end; removed:
--   resources removed in it; partial_success: tasks created in it that ended with success although parts failed.
-- Settings: strikes
-- Edge cases: a streak that began and ended within the period is no change at its end, nor is one of a resource
--   that was removed, or whose source was loaded no more, in it. Where a source's log does not reach back to the
--   period before, no code is new; what is first seen within an rpo of the log's begin may be older, so it is
--   neither enrolled, nor new without a backup, nor begins to fail.
WITH log_begin AS (
    SELECT source, min(created_at) AS begins_at
    FROM analytics.attempt
    GROUP BY source
),

first_point AS (
    SELECT source, resource_id, min(usable_at) AS usable_at
    FROM analytics.recovery_point
    GROUP BY ALL
)

SELECT 'new_code' AS kind, coalesce(error_code, '(none)') AS what, count(*) AS n
FROM analytics.attempt AS a
JOIN log_begin AS h USING (source)
WHERE operation_type = 'backup' AND outcome = 'fail' AND created_at >= $from_at AND created_at < $to_at
    AND h.begins_at <= $before_at
    AND NOT EXISTS (
        SELECT 1 FROM analytics.attempt AS b
        WHERE b.operation_type = 'backup' AND b.outcome = 'fail'
            AND b.error_code IS NOT DISTINCT FROM a.error_code
            AND b.created_at >= $before_at AND b.created_at < $from_at
    )
GROUP BY ALL
UNION ALL
SELECT 'new_streak', coalesce(k.first_error_code, '(none)'), count(*)
FROM analytics.streak AS k
JOIN analytics.resource AS r USING (source, resource_id)
JOIN log_begin AS h USING (source)
WHERE k.first_failed_at >= $from_at AND k.first_failed_at < $to_at AND coalesce(k.recovered_at >= $to_at, true)
    AND coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true)
    AND (k.first_failed_at > r.first_attempt_at OR r.first_attempt_at >= h.begins_at + r.rpo)
GROUP BY ALL
UNION ALL
SELECT 'recovered', coalesce(last_error_code, '(none)'), count(*)
FROM analytics.streak
WHERE recovered_at >= $from_at AND recovered_at < $to_at
    AND failures >= (SELECT strikes FROM analytics.settings)
GROUP BY ALL
UNION ALL
SELECT 'manual_deletes', coalesce(nullif(a.vault_name, ''), a.vault_id, '(none)'), count(*)
FROM analytics.attempt AS a
JOIN tasks AS t USING (source, task_id)
WHERE a.operation_type = 'delete' AND a.outcome = 'ok' AND NOT starts_with(nullif(t.delete_backup_name, ''), 'autobk_')
    AND a.created_at >= $from_at AND a.created_at < $to_at
GROUP BY ALL
UNION ALL
SELECT 'enrolled', coalesce(nullif(r.vault_name, ''), r.vault_id, '(none)'), count(*)
FROM analytics.resource AS r
JOIN log_begin AS h USING (source)
JOIN first_point AS p USING (source, resource_id)
WHERE p.usable_at >= $from_at AND p.usable_at < $to_at AND r.first_attempt_at >= h.begins_at + r.rpo
GROUP BY ALL
UNION ALL
SELECT 'not_backed_up', coalesce(nullif(r.vault_name, ''), r.vault_id, '(none)'), count(*)
FROM analytics.resource AS r
JOIN log_begin AS h USING (source)
LEFT JOIN first_point AS p USING (source, resource_id)
WHERE r.first_attempt_at >= $from_at AND r.first_attempt_at < $to_at AND r.first_attempt_at >= h.begins_at + r.rpo
    AND coalesce(p.usable_at >= $to_at, true)
    AND coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true)
GROUP BY ALL
UNION ALL
SELECT 'removed', coalesce(nullif(vault_name, ''), vault_id, '(none)'), count(*)
FROM analytics.resource
WHERE removed_at >= $from_at AND removed_at < $to_at
GROUP BY ALL
UNION ALL
SELECT 'partial_success', coalesce(nullif(vault_name, ''), vault_id, '(none)'), count(*)
FROM analytics.partial_success
WHERE created_at >= $from_at AND created_at < $to_at
GROUP BY ALL
ORDER BY kind, n DESC, what
