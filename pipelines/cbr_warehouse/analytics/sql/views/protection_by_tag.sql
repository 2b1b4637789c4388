-- Question: how well are the resources of each tag protected?
-- Grain: one row per source and tag of resources, and one for those without a tag.
-- Definition: the rows of estate_coverage whose dimension is tag, the tag split at its first equals sign.
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: a resource with several tags counts for each. Tags are those of the resource itself, where its service gives
--   them in the list of protectable resources; those of vaults are in inventory_vault.
-- Columns:
--   source: Name of the configured source.
--   tag_key: Key of the tag; (none) for resources without one.
--   tag_value: Value of the tag.
--   resources: Resources with it.
--   enrolled: Of them in a vault of backups.
--   with_recovery_point: Of them with a usable backup.
--   within_rpo: Of them with one that is recent enough.
--   unprotected: Of them with a reason in unprotected_resources.
--   enrolled_rate: enrolled / resources.
--   protected_rate: within_rpo / resources.
SELECT
    source,
    split_part(value, '=', 1) AS tag_key,
    CASE WHEN value LIKE '%=%' THEN substr(value, strpos(value, '=') + 1) END AS tag_value,
    resources,
    enrolled,
    with_recovery_point,
    within_rpo,
    unprotected,
    enrolled_rate,
    protected_rate
FROM analytics.estate_coverage
WHERE dimension = 'tag'
