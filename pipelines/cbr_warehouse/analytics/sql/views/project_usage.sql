-- Question: how much vault capacity does each enterprise project have and use?
-- Grain: one row per source, enterprise project and charging mode of its current vaults.
-- Definition: sums of vault_usage. used_share is the sum of use over the sum of sizes, of vaults that have both.
-- Settings: schedule_window (through vault_usage)
-- Edge cases: a vault without an enterprise project is under (none); 0 is the default project. Growth is the sum of what is
--   known.
-- Columns:
--   source: Name of the configured source.
--   enterprise_project_id: Enterprise project.
--   charging_mode: post_paid or pre_paid; NULL where the source does not say.
--   vaults: Its vaults.
--   resources: Resources in them.
--   size_gb: Their capacity in GB.
--   used_gb: Their used capacity in GB.
--   used_share: Used / capacity.
--   growth_gb_per_day: Growth of use in GB a day.
--   first_full_in_days: Days until the first of them is full; NULL if none will be.
SELECT
    source,
    coalesce(enterprise_project_id, '(none)') AS enterprise_project_id,
    charging_mode,
    count(*) AS vaults,
    sum(resources)::BIGINT AS resources,
    sum(size_gb)::BIGINT AS size_gb,
    sum(used_gb) AS used_gb,
    sum(used_gb) FILTER (used_share IS NOT NULL) / nullif(sum(size_gb) FILTER (used_share IS NOT NULL), 0) AS used_share,
    sum(growth_gb_per_day) AS growth_gb_per_day,
    min(days_until_full) AS first_full_in_days
FROM analytics.vault_usage
GROUP BY ALL
