-- Title: Restored within RTO
-- Version: 1
-- Question: did the last successful restore of each resource take no longer than it may?
-- Population: restores; the last successful one of each resource that was restored within `restore_test`
-- Grain: one row per source and resource of restore_evidence with tested_within.
-- Definition: fails where the duration of that task (attempt) exceeds `rto`; cannot be judged where it has none.
-- Window: restore_test
-- Missing days: are judged by row
-- Settings: rto, restore_test
-- Edge cases: the duration is that of the restore task alone. What people do before and after it is not in the log.
-- Clauses:
--   DORA Art. 12(6): shows that restores kept the recovery time objective that is configured.
--   NIS2 Art. 21(2)(c): shows that recovery was possible in the time allowed.
--   NIST CP-9(1): shows that backups can be relied on in the time allowed.
SELECT
    e.source,
    e.resource_id AS item,
    coalesce(nullif(e.resource_name, ''), e.resource_id) AS name,
    a.duration_seconds > epoch(s.rto) AS fails,
    CASE
        WHEN a.duration_seconds IS NULL THEN 'its duration is not known'
        ELSE format('took {:.1f} h, RTO {:.1f} h', a.duration_seconds / 3600, epoch(s.rto) / 3600)
    END AS why,
    e.last_ok_restore_at AS since,
    coalesce(a.duration_seconds, 0) AS worst
FROM analytics.restore_evidence AS e
CROSS JOIN analytics.settings AS s
JOIN analytics.attempt AS a ON a.source = e.source AND a.task_id = e.last_task_id
WHERE e.tested_within
