-- Question: how many resources were never backed up, although it was tried?
-- Grain: one row per source.
-- Definition: resources enrolled longer than their rpo without any recovery point; of all resources in backup.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: a resource that no task ever named is not in the log and not counted.
SELECT source, sum(never)::BIGINT AS numerator, sum(resources)::BIGINT AS denominator
FROM analytics.protection_coverage
GROUP BY source
