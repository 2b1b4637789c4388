-- Question: which share of the time did resources keep their recovery point objective, over the lookback?
-- Grain: one row per source.
-- Definition: hours with a recovery point no older than the rpo, divided by hours observed, summed over resources.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: removed resources count until their removal.
SELECT source, observed_hours - unprotected_hours AS numerator, observed_hours AS denominator
FROM analytics.rpo_compliance_summary
