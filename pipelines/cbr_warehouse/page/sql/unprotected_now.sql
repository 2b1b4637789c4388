-- Question: how many of all resources there are have no protection?
-- Grain: one row.
-- Definition: rows of unprotected_resources; in_no_vault those without a vault, enrolled those with one.
-- Settings: rpo_grace, default_interval, [[schedules]]
-- Edge cases: NULL without an inventory, and where its list of vaults was never read completely: nothing is known then.
WITH counted AS (
    SELECT
        count(*) AS unprotected,
        count(*) FILTER (vault_id IS NULL) AS in_no_vault,
        count(vault_id) AS enrolled,
        max(days) AS longest_days
    FROM analytics.unprotected_resources
    WHERE true
        AND source = $source -- if source
        AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
        AND contains(lower(policy_id), lower($policy)) -- if policy
        AND resource_type = $type -- if type
        AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
),

listed AS (
    SELECT count(*) FILTER (kind = 'vaults' AND complete_at IS NOT NULL) > 0 AS is_loaded
    FROM analytics.inventory_list
    WHERE true
        AND source = $source -- if source
)

SELECT
    CASE WHEN l.is_loaded THEN c.unprotected END AS unprotected,
    CASE WHEN l.is_loaded THEN c.in_no_vault END AS in_no_vault,
    CASE WHEN l.is_loaded THEN c.enrolled END AS enrolled,
    c.longest_days
FROM counted AS c
CROSS JOIN listed AS l
