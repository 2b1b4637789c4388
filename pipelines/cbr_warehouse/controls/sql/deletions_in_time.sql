-- Title: No backup deleted before its time
-- Version: 1
-- Question: was a backup deleted earlier than usual, or when the service deletes nothing by itself?
-- Population: deletions; successful deletions of one backup in the window
-- Grain: one row per source and delete task of deletion_class with outcome ok.
-- Definition: fails where the class of deletion_class is early or night; cannot be judged where it is unknown_birth, since the
--   making of the backup is not in the log.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: expiry_from, expiry_until, timezone, lookback
-- Edge cases: backups made on demand are deleted on demand (class manual) and pass. Deletions with a vault, with a resource or
--   by a sync name no backup and are not in the population: see no_mass_deletion and the view deletion_audit.
-- Clauses:
--   NIS2 Art. 21(2)(c): shows that backups are kept as long as they should be.
--   ISO 27001 A.8.13: shows that copies are maintained for as long as the policy on backup says.
--   NIST CP-9 d: shows that backup information was available for as long as it should be.
--   SOC 2 A1.2: shows that this threat to recoverability was not seen (point of focus "considers data recoverability").
SELECT
    d.source,
    d.task_id AS item,
    coalesce(nullif(d.resource_name, ''), d.resource_id, d.backup_id, d.task_id) AS name,
    CASE WHEN d.class <> 'unknown_birth' THEN d.class IN ('early', 'night') END AS fails,
    CASE
        WHEN d.class = 'unknown_birth' THEN format('backup {}: its making is not in the log', coalesce(d.backup_id, '?'))
        WHEN d.class = 'night' THEN format('backup {} deleted at {} local time', coalesce(d.backup_id, '?'), strftime(d.created_local, '%H:%M'))
        ELSE format('backup {} deleted after {:.1f} days, usual {:.1f}', coalesce(d.backup_id, '?'), d.age_days, d.usual_age_days)
    END AS why,
    d.created_at AS since,
    CASE WHEN d.class = 'early' THEN 1e6 ELSE 0 END + coalesce(d.usual_age_days - d.age_days, 0) AS worst
FROM analytics.deletion_class AS d
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE d.operation_type = 'delete' AND d.outcome = 'ok'
    AND d.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND d.created_at <= o.as_of
