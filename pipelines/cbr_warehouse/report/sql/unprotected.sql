-- Question: for how many hours, summed over all resources, was there no recent enough recovery point?
-- Grain: one row.
-- Definition: unprotected resource-hours within the period, next to all resource-hours observed; see
--   analytics.exposure.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: where the schedule is inferred or assumed, the objective is, too.
SELECT
    -- Sums of decimals are the same in whatever order they are added.
    coalesce(sum(unprotected_hours::DECIMAL(18, 9))::DOUBLE, 0) AS numerator,
    coalesce(sum(observed_hours::DECIMAL(18, 9))::DOUBLE, 0) AS denominator,
    numerator AS value
FROM analytics.exposure($from_at, $to_at)
