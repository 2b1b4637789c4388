-- Title: Every enrolled resource has a backup
-- Version: 1
-- Question: is there a resource of which there is no backup at all?
-- Population: resources; neither removed nor of a source that is excluded
-- Grain: one row per source and resource of resource_protection.
-- Definition: fails where the bucket of resource_protection is never or none_left.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: rpo_grace, default_interval, [[schedules]], lookback
-- Edge cases: a resource that no backup task ever named is not in the log, and not in the population. A backup made before
--   the log began is not known.
-- Clauses:
--   DORA Art. 12(1)(a): shows that the data in the scope of backup are backed up, for the resources of the log.
--   NIS2 Art. 21(2)(c): shows that what is enrolled for backup has one.
--   ISO 27001 A.8.13: shows that a backup copy exists.
--   NIST CP-9 a, b: shows that backups are conducted at all.
--   SOC 2 A1.2: shows that data are backed up (point of focus "performs data backup").
SELECT
    source,
    resource_id AS item,
    coalesce(nullif(resource_name, ''), resource_id) AS name,
    bucket IN ('never', 'none_left') AS fails,
    CASE
        WHEN bucket = 'never' THEN format('no backup since it was first tried {:.0f} days ago', known_days)
        ELSE 'all its backups are deleted'
    END AS why,
    first_attempt_at AS since,
    known_days AS worst
FROM (
    SELECT p.*, (epoch_us(o.as_of) - epoch_us(p.first_attempt_at)) / 86400000000 AS known_days
    FROM analytics.resource_protection AS p
    CROSS JOIN analytics.as_of AS o
)
WHERE bucket NOT IN ('removed', 'not_loaded')
