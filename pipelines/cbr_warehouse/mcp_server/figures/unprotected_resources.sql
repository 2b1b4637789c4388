-- Question: how many of all resources there are have no protection?
-- Grain: one row per source with an inventory.
-- Definition: rows of unprotected_resources: never enrolled, removed, without a policy that backs it up, or without any usable
--   backup; of all resources of estate_coverage.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: as of the newest inventory. A resource whose backups are merely too old is not counted here but lacks in
--   coverage_rate. Sources without an inventory, or whose list of vaults was never read completely, are left out, and named
--   in the population.
SELECT source, sum(unprotected)::BIGINT AS numerator, sum(resources)::BIGINT AS denominator
FROM analytics.estate_coverage
WHERE dimension = 'all'
GROUP BY source
HAVING sum(not_known) = 0
