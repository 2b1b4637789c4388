-- Title: No mass deletion
-- Version: 1
-- Question: were unusually many backups of a vault deleted within an hour?
-- Population: vaults; those with a successful deletion of one backup in the window
-- Grain: one row per source and vault of deletion_audit, of its delete tasks with outcome ok.
-- Definition: fails where any of these tasks belongs to a mass delete (is_mass_delete of deletion_audit).
-- Alarm: mass_deletion
-- Window: lookback
-- Missing days: may hide failures
-- Settings: mass_delete, timezone, lookback
-- Edge cases: the log does not say who deleted: request_id of deletion_audit leads to the trace service. A vault deleted whole
--   is one task, and no mass delete by this definition.
-- Clauses:
--   NIS2 Art. 21(2)(b): shows that no deletion in bulk, which may be an attack, was detected.
--   NIS2 Art. 21(2)(c): shows that backups are not destroyed in bulk.
--   NIST CP-9 d: shows that backup information was not destroyed in bulk.
--   SOC 2 A1.2: shows that this threat to recoverability was not seen (point of focus "considers data recoverability").
SELECT
    d.source,
    coalesce(d.vault_id, '(none)') AS item,
    coalesce(nullif(max(d.vault_name), ''), d.vault_id, '(none)') AS name,
    bool_or(d.is_mass_delete) AS fails,
    format(
        '{} backups deleted in bulk, {} within an hour',
        count(*) FILTER (d.is_mass_delete), max(d.burst_size) FILTER (d.is_mass_delete)
    ) AS why,
    min(d.created_at) FILTER (d.is_mass_delete) AS since,
    count(*) FILTER (d.is_mass_delete) AS worst
FROM analytics.deletion_audit AS d
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE d.operation_type = 'delete' AND d.outcome = 'ok'
    AND d.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND d.created_at <= o.as_of
GROUP BY d.source, d.vault_id
