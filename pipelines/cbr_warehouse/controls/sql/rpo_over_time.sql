-- Title: RPO kept over the window
-- Version: 1
-- Question: was every resource protected within its RPO for nearly all of the window?
-- Population: resources; those that were enrolled for some time of the window
-- Grain: one row per source and resource of rpo_compliance with observed_hours above 0.
-- Definition: fails where time_compliance_rate of rpo_compliance is less than success_target.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: success_target, lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: removed resources count for as long as they were enrolled. It says nothing of this moment: see rpo_kept.
-- Clauses:
--   DORA Art. 12(1)(a): shows over a period that the minimum frequency of backup is kept.
--   NIS2 Art. 21(2)(c): shows over a period that backups are managed to an objective.
--   ISO 27001 A.8.13: shows over a period that backup copies are maintained as the policy on backup says.
--   NIST CP-9 a, b: shows over a period that the frequency is consistent with recovery point objectives.
--   SOC 2 A1.2: shows that backup processes operated over the period under review.
SELECT
    r.source,
    r.resource_id AS item,
    coalesce(nullif(r.resource_name, ''), r.resource_id) AS name,
    r.time_compliance_rate < s.success_target AS fails,
    format(
        '{:.1f} of {:.0f} h without a recent enough backup, in {} stretch{}',
        r.unprotected_hours, r.observed_hours, r.breaches, CASE WHEN r.breaches = 1 THEN '' ELSE 'es' END
    ) AS why,
    NULL::TIMESTAMPTZ AS since,
    r.unprotected_hours AS worst
FROM analytics.rpo_compliance AS r
CROSS JOIN analytics.settings AS s
WHERE r.observed_hours > 0
