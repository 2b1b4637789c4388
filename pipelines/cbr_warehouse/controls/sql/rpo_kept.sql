-- Title: Backed up within RPO
-- Version: 2
-- Question: is the newest usable backup of every resource recent enough?
-- Population: resources; neither removed nor of a source that is excluded
-- Grain: one row per source and resource of resource_protection.
-- Definition: fails where the bucket of resource_protection is within_2x_rpo, within_7d, older_than_7d, none_left or never.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: rpo_grace, default_interval, [[schedules]], lookback
-- Edge cases: judged at the watermark, so a late load makes nothing look late. A resource that was first tried less than its
--   RPO ago passes. A backup on a day that is not complete may be missing, and the resource fails all the same.
-- Clauses:
--   DORA Art. 12(1)(a): shows for the resources of the log whether a minimum frequency is kept: the interval that is
--      configured under [[schedules]], else that of the policy in the inventory, else that seen in the log, which is none.
--   NIS2 Art. 21(2)(c): shows that backups are managed to an objective.
--   ISO 27001 A.8.13: shows that backup copies are maintained as the policy on backup says.
--   NIST CP-9 a, b: shows that backups are conducted at a frequency consistent with recovery point objectives.
--   SOC 2 A1.2: shows that backup processes are monitored and operate (point of focus "performs data backup").
SELECT
    source,
    resource_id AS item,
    coalesce(nullif(resource_name, ''), resource_id) AS name,
    bucket NOT IN ('within_rpo', 'new') AS fails,
    CASE
        WHEN bucket = 'never' THEN 'never backed up'
        WHEN age_hours IS NULL THEN 'no usable backup is left'
        ELSE format('newest backup is {:.1f} h old, RPO {:.1f} h', age_hours, rpo_hours)
    END AS why,
    coalesce(last_rp_at, first_attempt_at) + to_seconds(epoch(rpo)) AS since,
    coalesce(age_hours / rpo_hours, 1e9) AS worst
FROM analytics.resource_protection
WHERE bucket NOT IN ('removed', 'not_loaded')
