-- Question: how many resources of which vault were backed up on which backup days?
-- Grain: one row per source and vault with a backup task in the period, with its backup days in a list.
-- Definition: counts of the verdicts of resource_day, by the vault of that row; most failed ones first.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: a resource counts for the vault that it was tried in on that day. Tasks without a vault are one row.
WITH night AS (
    SELECT
        source,
        vault_id,
        backup_day,
        arg_max(vault_name, last_created_at) AS vault_name,
        count(*) AS windows,
        count(*) FILTER (verdict = 'protected') AS protected,
        count(*) FILTER (verdict = 'failed') AS failed,
        count(*) FILTER (verdict = 'skipped') AS skipped,
        count(*) FILTER (verdict = 'pending') AS pending,
        count(*) FILTER (verdict = 'unknown') AS unknown
    FROM analytics.resource_day
    WHERE backup_day BETWEEN $from_day::DATE AND $to_day::DATE
        AND source = $source -- if source
        AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
        AND contains(lower(policy_id), lower($policy)) -- if policy
        AND resource_type = $type -- if type
        AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
    GROUP BY source, vault_id, backup_day
)

SELECT
    source,
    vault_id,
    arg_max(vault_name, backup_day) AS vault_name,
    sum(failed)::BIGINT AS failed,
    sum(windows)::BIGINT AS windows,
    list({
        'backup_day': backup_day,
        'windows': windows,
        'protected': protected,
        'failed': failed,
        'skipped': skipped,
        'pending': pending,
        'unknown': unknown
    } ORDER BY backup_day) AS nights,
    count(*) OVER () AS total
FROM night
GROUP BY source, vault_id
ORDER BY failed DESC, windows DESC, vault_name ASC, source ASC, vault_id ASC
LIMIT $limit
OFFSET $offset
