-- Title: Recent copy in each other region
-- Version: 1
-- Question: has every resource a recent enough copy at each destination that it is replicated to?
-- Population: copies due; each resource at each region that it is replicated to
-- Grain: one row per row of offsite_rpo that has a destination region.
-- Definition: fails where has_copy of offsite_rpo is false, or offsite_rpo_hours exceeds the resource's RPO and `copy_lag`
--   together: the age that the newest copy has at most where backups keep the RPO and each is copied in time.
-- Window: lookback
-- Missing days: may hide failures
-- Settings: copy_lag, rpo_grace, default_interval, [[schedules]], lookback
-- Edge cases: a resource that no backup was ever replicated of has no destination and is not in the population: the log does
--   not say that it should have one. A resource first tried less than RPO and `copy_lag` ago passes. A region of the
--   same provider is another place, not another system: DORA Art. 12(3) is not supported.
-- Clauses:
--   NIS2 Art. 21(2)(c): shows that backups would survive the loss of a region.
--   ISO 27001 A.8.13: shows that copies are kept at a remote location.
--   NIST CP-9(3): shows copies at a separate facility.
--   NIST CP-9(5): shows that backup information is transferred to another site, and in which time.
--   SOC 2 A1.2: shows copies at a distance (point of focus "addresses offsite storage").
SELECT
    f.source,
    f.resource_id AS item,
    format('{} in {}', coalesce(nullif(f.resource_name, ''), f.resource_id), f.destination_region) AS name,
    CASE
        WHEN f.has_copy THEN f.offsite_rpo_hours > f.allowed_hours
        ELSE f.known_hours >= f.allowed_hours
    END AS fails,
    CASE
        WHEN f.has_copy THEN
            format('newest copy is of {:.0f} h ago, allowed {:.0f} h', f.offsite_rpo_hours, f.allowed_hours)
        ELSE 'no copy there'
    END AS why,
    f.newest_copied_rp_at + to_seconds(f.allowed_hours * 3600) AS since,
    coalesce(f.offsite_rpo_hours / f.allowed_hours, 1e9) AS worst
FROM (
    SELECT
        c.*,
        p.rpo_hours + epoch(s.copy_lag) / 3600 AS allowed_hours,
        (epoch_us(o.as_of) - epoch_us(p.first_attempt_at)) / 3600000000 AS known_hours
    FROM analytics.offsite_rpo AS c
    JOIN analytics.resource_protection AS p ON p.source = c.source AND p.resource_id = c.resource_id
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    WHERE c.destination_region IS NOT NULL
) AS f
