-- Question: what share of the time, and how many resources, kept their recovery point objective lately?
-- Grain: one row per source with a row in rpo_compliance.
-- Definition: sums of rpo_compliance. Time compliance rate = 1 - unprotected_hours / observed_hours, hours summed over
--   resources; resource compliance rate = compliant / resources, compliant being never unprotected in the lookback; instant
--   compliance rate = (live - in_breach_now) / live, at analytics.as_of.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: the hours are the most stable figure: whether a resource is in breach at an instant can depend on minutes.
--   Removed resources, and those of a source excluded from analytics.as_of, are in the hours and in resources, not in live.
-- Columns:
--   source: Name of the configured source.
--   resources: Resources enrolled in the lookback.
--   compliant: Of them never unprotected in it.
--   resource_compliance_rate: compliant / resources.
--   live: Resources not removed at analytics.as_of and still loaded.
--   in_breach_now: Of them unprotected at analytics.as_of.
--   instant_compliance_rate: (live - in_breach_now) / live.
--   observed_hours: Hours in which resources were enrolled.
--   unprotected_hours: Of them unprotected.
--   time_compliance_rate: 1 - unprotected_hours / observed_hours.
--   breaches: Unbroken unprotected stretches.
--   assumed: Resources measured by the default interval.
SELECT
    c.source,
    count(*) AS resources,
    count(*) FILTER (c.unprotected_hours = 0) AS compliant,
    count(*) FILTER (c.unprotected_hours = 0) / count(*) AS resource_compliance_rate,
    count(*) FILTER (coalesce(least(c.removed_at, c.not_loaded_since) > o.as_of, true)) AS live,
    count(*) FILTER (c.is_in_breach_now) AS in_breach_now,
    count(*) FILTER (coalesce(least(c.removed_at, c.not_loaded_since) > o.as_of, true) AND NOT c.is_in_breach_now)
        / nullif(count(*) FILTER (coalesce(least(c.removed_at, c.not_loaded_since) > o.as_of, true)), 0) AS instant_compliance_rate,
    -- Sums of decimals, not of doubles, are the same in whatever order they are added.
    sum(c.observed_hours::DECIMAL(18, 9))::DOUBLE AS observed_hours,
    sum(c.unprotected_hours::DECIMAL(18, 9))::DOUBLE AS unprotected_hours,
    1 - sum(c.unprotected_hours::DECIMAL(18, 9)) / nullif(sum(c.observed_hours::DECIMAL(18, 9)), 0) AS time_compliance_rate,
    sum(c.breaches)::BIGINT AS breaches,
    count(*) FILTER (c.schedule_basis = 'assumed') AS assumed
FROM analytics.rpo_compliance AS c
CROSS JOIN analytics.as_of AS o
GROUP BY c.source
