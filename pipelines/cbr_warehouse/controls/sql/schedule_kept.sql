-- Title: Schedule kept
-- Version: 2
-- Question: was every planned backup tried?
-- Population: resources; neither removed nor of a source that is excluded, and with a schedule in the log or the inventory
-- Grain: one row per source and resource of resource_protection whose schedule has a slot that schedule_slot expects, or is an
--   enabled policy that starts each week (inventory_policy).
-- Definition: fails where missed_backups has at least `missed_slots` rows of the resource.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: missed_slots, lookback, timezone, day_anchor, run_gap, schedule_window
-- Edge cases: without an inventory the schedule is inferred from the log, which does not contain the policies.
-- Clauses:
--   DORA Art. 12(1)(a): shows that backups are started as often as planned.
--   NIS2 Art. 21(2)(c): shows that backups run as planned.
--   ISO 27001 A.8.13: shows that copies are made when the policy on backup says.
--   NIST CP-9 a, b: shows that backups are conducted at their frequency.
--   SOC 2 A1.2: shows that backup processes run as scheduled.
SELECT
    p.source,
    p.resource_id AS item,
    coalesce(nullif(p.resource_name, ''), p.resource_id) AS name,
    coalesce(m.missed >= s.missed_slots, false) AS fails,
    format('{} of its planned backups missing, the last at {} local time', m.missed, strftime(m.last_local, '%Y-%m-%d %H:%M')) AS why,
    m.first_at AS since,
    m.missed AS worst
FROM analytics.resource_protection AS p
JOIN analytics.resource AS r ON r.source = p.source AND r.resource_id = p.resource_id
SEMI JOIN (
    SELECT source, schedule_id FROM analytics.schedule_slot WHERE is_expected
    UNION ALL
    SELECT source, policy_id FROM analytics.inventory_policy
    WHERE operation_type = 'backup' AND is_enabled AND len(minutes_of_week) > 0
) AS e
    ON e.source = r.source AND e.schedule_id = r.schedule_id
CROSS JOIN analytics.settings AS s
LEFT JOIN (
    SELECT source, resource_id, count(*) AS missed, min(slot_at) AS first_at, max(slot_local) AS last_local
    FROM analytics.missed_backups
    GROUP BY source, resource_id
) AS m ON m.source = p.source AND m.resource_id = p.resource_id
WHERE p.bucket NOT IN ('removed', 'not_loaded')
