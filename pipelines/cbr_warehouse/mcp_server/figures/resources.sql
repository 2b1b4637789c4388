-- Question: how many resources are in backup?
-- Grain: one row per source.
-- Definition: resources that a backup task has named, neither removed nor of a source that is no longer loaded.
-- Settings: none
-- Edge cases: a resource that no task ever named is not in the log and not counted.
SELECT source, sum(resources)::BIGINT AS numerator, NULL AS denominator
FROM analytics.protection_coverage
GROUP BY source
