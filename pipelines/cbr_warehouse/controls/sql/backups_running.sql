-- Title: No backups stopped
-- Version: 1
-- Question: does every policy still back up its resources?
-- Population: resources; neither removed nor of a source that is excluded, and with a schedule seen in the log
-- Grain: one row per source and resource of resource_protection with a schedule.
-- Definition: fails where backups_stopped has the resource in a stop that has not resumed.
-- Alarm: backups_stopped
-- Window: lookback
-- Missing days: may hide failures
-- Settings: stopped_after, rpo_grace, lookback
-- Edge cases: a policy that was switched off on purpose fails too until its resources are removed from the vault, or an
--   exception names them.
-- Clauses:
--   DORA Art. 12(1)(a): shows that backups of no resource ceased without a decision in the log.
--   NIS2 Art. 21(2)(c): shows that backups were not switched off.
--   NIST CP-9 a, b: shows that backups go on at their frequency.
--   SOC 2 A1.2: shows that backup processes go on running.
SELECT
    p.source,
    p.resource_id AS item,
    coalesce(nullif(p.resource_name, ''), p.resource_id) AS name,
    e.raised_at IS NOT NULL AS fails,
    format(
        'no scheduled backup tried since {} UTC, usually every {:.0f} h',
        strftime(timezone('UTC', e.last_attempt_at), '%Y-%m-%d %H:%M'), e.usual_hours
    ) AS why,
    e.last_attempt_at AS since,
    e.usual_hours AS worst
FROM analytics.resource_protection AS p
JOIN analytics.resource AS r ON r.source = p.source AND r.resource_id = p.resource_id
LEFT JOIN (
    SELECT source, unnest(resource_ids) AS resource_id, last_attempt_at, usual_hours, raised_at
    FROM analytics.backups_stopped
    WHERE resumed_at IS NULL
) AS e ON e.source = p.source AND e.resource_id = p.resource_id
WHERE p.bucket NOT IN ('removed', 'not_loaded') AND r.schedule_id IS NOT NULL
