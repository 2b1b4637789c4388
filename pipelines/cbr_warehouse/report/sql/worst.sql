-- Question: which twenty resources need attention first?
-- Grain: one row per resource, at most twenty.
-- Definition: by unprotected hours in the period, then failures in a row at its end, then the age of the newest
--   recovery point; only resources with any of the first two, not removed and still loaded. failures and attempts
--   are those of the period. cause: while backups fail, the code of the newest failure; otherwise the commonest
--   code of the failures in the period; "(not attempted)" where no backup ended in it, "(skipped)" where none
--   failed but some were skipped, and "(late)" where all were successful, but not in time. since: the first of the
--   failures in a row, else the newest recovery point, else the first attempt. recovered_at: NULL while backups fail or
--   the newest recovery point is too old; else the end of the failures in a row, else when the newest recovery point was
--   usable.
-- Settings: rpo_grace, strikes
-- Edge cases: a resource never backed up has no age. short_id and vault_short_id are given where other resources
--   or vaults have the same name: the first characters of the id that tell them apart.
WITH short AS (
    SELECT
        source,
        resource_id,
        CASE
            WHEN count(*) OVER (PARTITION BY name) = 1 THEN NULL
            WHEN count(*) OVER (PARTITION BY name, left(resource_id, 8)) = 1 THEN left(resource_id, 8)
            ELSE resource_id
        END AS short_id
    FROM (
        -- As much of a name as the report shows.
        SELECT source, resource_id, trim(left(coalesce(nullif(resource_name, ''), resource_id), 79)) AS name
        FROM analytics.resource
    )
),

short_vault AS (
    SELECT
        source,
        vault_id,
        CASE
            WHEN count(*) OVER (PARTITION BY name) = 1 THEN NULL
            WHEN count(*) OVER (PARTITION BY name, left(vault_id, 8)) = 1 THEN left(vault_id, 8)
            ELSE vault_id
        END AS vault_short_id
    FROM (
        SELECT source, vault_id, trim(left(coalesce(nullif(max(vault_name), ''), vault_id), 79)) AS name
        FROM analytics.resource
        WHERE vault_id IS NOT NULL
        GROUP BY source, vault_id
    )
),

-- include risk

SELECT
    x.source,
    x.resource,
    s.short_id,
    x.resource_id,
    x.resource_type,
    x.vault,
    v.vault_short_id,
    x.vault_id,
    x.unprotected_hours,
    x.strikes,
    x.failures,
    x.attempts,
    (epoch($to_at) - epoch(x.last_rp_at)) / 3600 AS last_rp_age_hours,
    x.cause,
    x.since,
    x.recovered_at,
    x.schedule_basis
FROM at_risk AS x
LEFT JOIN short AS s USING (source, resource_id)
LEFT JOIN short_vault AS v ON v.source = x.source AND v.vault_id = x.vault_id
ORDER BY unprotected_hours DESC, strikes DESC, last_rp_age_hours DESC NULLS FIRST, x.resource_id
LIMIT 20
