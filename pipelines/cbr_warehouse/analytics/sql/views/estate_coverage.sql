-- Question: of all resources there are, how many are enrolled and protected, by type, tag, vault or enterprise project?
-- Grain: one row per source, dimension and value of it.
-- Definition: counts of estate_resource. enrolled_rate = enrolled / resources, protected_rate = within_rpo / resources. The
--   dimension all has one value. A resource counts once for each of its tags and each of its vaults of backups; under (none)
--   where it has none.
-- Settings: rpo_grace, default_interval, [[schedules]] (through analytics.resource)
-- Edge cases: rates of several rows are to be made from the sums of their counts, never as a mean. Rows of tags and vaults do
--   not add up to all, since a resource may have several. Resources that are not_known are in no row but counted in not_known
--   of all.
-- Columns:
--   source: Name of the configured source.
--   dimension: all, type, tag, vault or enterprise_project.
--   value: Which of them; the name of a vault, or its id where it has none.
--   resources: Resources there are: the denominator.
--   enrolled: Of them in a vault of backups.
--   with_recovery_point: Of them with a usable backup.
--   within_rpo: Of them with one that is recent enough.
--   unprotected: Of them with a reason in unprotected_resources.
--   never_enrolled: Of them never in a vault.
--   removed: Of them in no vault any more.
--   enrolled_rate: enrolled / resources.
--   protected_rate: within_rpo / resources.
--   not_known: Resources left out, because the list of vaults was never read completely.
WITH named AS (
    SELECT *, 'all' AS dimension, 'all' AS value
    FROM analytics.estate_resource
    UNION ALL
    SELECT *, 'type' AS dimension, coalesce(resource_type, object_type, '(none)') AS value
    FROM analytics.estate_resource
    UNION ALL
    SELECT *, 'enterprise_project' AS dimension, coalesce(enterprise_project_id, '(none)') AS value
    FROM analytics.estate_resource
    UNION ALL
    SELECT *, 'tag' AS dimension, unnest(CASE WHEN len(tags) > 0 THEN tags ELSE ['(none)'] END) AS value
    FROM analytics.estate_resource
    UNION ALL
    SELECT e.*, 'vault' AS dimension, coalesce(v.vault_name, v.vault_id, '(none)') AS value
    FROM analytics.estate_resource AS e
    LEFT JOIN analytics.inventory_member AS m
        ON m.source = e.source AND m.resource_id = e.resource_id AND m.is_current AND m.is_backup
    LEFT JOIN analytics.inventory_vault AS v ON v.source = m.source AND v.vault_id = m.vault_id
)

SELECT
    source,
    dimension,
    value,
    count(*) FILTER (is_known) AS resources,
    count(*) FILTER (is_known AND is_enrolled) AS enrolled,
    count(*) FILTER (is_known AND has_recovery_point) AS with_recovery_point,
    count(*) FILTER (is_known AND is_within_rpo) AS within_rpo,
    count(*) FILTER (is_known AND reason IS NOT NULL) AS unprotected,
    count(*) FILTER (reason = 'never_enrolled') AS never_enrolled,
    count(*) FILTER (reason = 'removed') AS removed,
    count(*) FILTER (is_known AND is_enrolled) / nullif(count(*) FILTER (is_known), 0) AS enrolled_rate,
    count(*) FILTER (is_known AND is_within_rpo) / nullif(count(*) FILTER (is_known), 0) AS protected_rate,
    count(*) FILTER (NOT is_known) AS not_known
FROM named
GROUP BY source, dimension, value
