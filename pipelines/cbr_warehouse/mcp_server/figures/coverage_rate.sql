-- Question: which share of resources has a recent enough backup?
-- Grain: one row per source.
-- Definition: resources with a recovery point no older than their rpo, divided by resources that are neither removed, nor
--   of a source no longer loaded, nor new.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: a resource that no task ever named is not in the log and in no denominator.
SELECT source, sum(within_rpo)::BIGINT AS numerator, sum(resources - new)::BIGINT AS denominator
FROM analytics.protection_coverage
GROUP BY source
