-- Question: how many resources have never been backed up, although backups were attempted?
-- Grain: one row.
-- Definition: resources enrolled longer than their rpo, not removed and still loaded, at the end of the period,
--   without any recovery point by then; of all resources enrolled, not removed and still loaded.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: resources that no task names are not in the data and not counted.
SELECT
    count(*) FILTER (p.resource_id IS NULL AND r.first_attempt_at + r.rpo < $to_at) AS numerator,
    count(*) AS denominator,
    numerator AS value
FROM analytics.resource AS r
LEFT JOIN (
    SELECT DISTINCT source, resource_id FROM analytics.recovery_point WHERE usable_at < $to_at
) AS p USING (source, resource_id)
WHERE r.first_attempt_at < $to_at AND coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true)
