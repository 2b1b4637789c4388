-- Question: how many resources fail repeatedly?
-- Grain: one row per source.
-- Definition: resources in analytics.consecutive_failures: at least `strikes` failures in a row since the last success; of
--   all resources in backup.
-- Settings: strikes
-- Edge cases: skipped and open tasks neither count nor reset.
SELECT p.source, coalesce(any_value(c.resources), 0)::BIGINT AS numerator, sum(p.resources)::BIGINT AS denominator
FROM analytics.protection_coverage AS p
LEFT JOIN (SELECT source, count(*) AS resources FROM analytics.consecutive_failures GROUP BY source) AS c USING (source)
GROUP BY p.source
