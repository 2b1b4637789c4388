-- Question: which twenty resources need attention first?
-- Grain: one row per resource, at most twenty.
-- Definition: by unprotected hours in the period, then failures in a row at its end, then the age of the newest
--   recovery point; only resources with any of the first two, not removed and still loaded. failures and attempts
--   are those of the period. cause: while backups fail, the code of the newest failure; otherwise the commonest
--   code of the failures in the period; "(not attempted)" where no backup ended in it and "(skipped)" where none
--   failed but some were skipped.
-- Settings: rpo_grace, strikes
-- Edge cases: a resource never backed up has no age. short_id and vault_short_id are given where other resources
--   or vaults have the same name: the first characters of the id that tell them apart.
WITH point AS (
    SELECT source, resource_id, max(rp_at) AS last_rp_at
    FROM analytics.recovery_point
    WHERE usable_at < $to_at
    GROUP BY ALL
),

open_streak AS (
    SELECT
        k.source,
        k.resource_id,
        k.first_failed_at,
        count(*) AS failures,
        coalesce(arg_max_null(a.error_code, (a.created_at, a.task_id)), '(none)') AS last_error_code
    FROM analytics.streak AS k
    JOIN analytics.attempt AS a
        ON a.source = k.source AND a.resource_id = k.resource_id
        AND a.operation_type = 'backup' AND a.outcome = 'fail'
        AND a.created_at >= k.first_failed_at AND a.created_at <= k.last_failed_at AND a.created_at < $to_at
    WHERE k.first_failed_at < $to_at AND coalesce(k.recovered_at >= $to_at, true)
    GROUP BY k.source, k.resource_id, k.streak, k.first_failed_at
    QUALIFY row_number() OVER (PARTITION BY k.source, k.resource_id ORDER BY k.first_failed_at DESC) = 1
),

ended AS (
    SELECT source, resource_id, outcome, created_at, coalesce(error_code, '(none)') AS error_code
    FROM analytics.attempt
    WHERE operation_type = 'backup' AND outcome IN ('ok', 'fail', 'skip')
        AND created_at >= $from_at AND created_at < $to_at
),

outcomes AS (
    SELECT
        source,
        resource_id,
        count(*) AS attempts,
        count(*) FILTER (outcome = 'fail') AS failures,
        count(*) FILTER (outcome = 'skip') AS skipped
    FROM ended
    GROUP BY ALL
),

commonest AS (
    SELECT source, resource_id, error_code
    FROM ended
    WHERE outcome = 'fail'
    GROUP BY source, resource_id, error_code
    QUALIFY row_number() OVER (
        PARTITION BY source, resource_id ORDER BY count(*) DESC, max(created_at) DESC, error_code
    ) = 1
),

short AS (
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
)

SELECT
    r.source,
    coalesce(nullif(r.resource_name, ''), r.resource_id) AS resource,
    s.short_id,
    r.resource_id,
    r.resource_type,
    coalesce(nullif(r.vault_name, ''), r.vault_id) AS vault,
    v.vault_short_id,
    r.vault_id,
    round(x.unprotected_hours, 6) AS unprotected_hours,
    coalesce(k.failures, 0) AS strikes,
    coalesce(o.failures, 0) AS failures,
    coalesce(o.attempts, 0) AS attempts,
    (epoch($to_at) - epoch(p.last_rp_at)) / 3600 AS last_rp_age_hours,
    coalesce(
        k.last_error_code,
        c.error_code,
        CASE WHEN o.attempts IS NULL THEN '(not attempted)' WHEN o.skipped > 0 THEN '(skipped)' END
    ) AS cause,
    r.schedule_basis
FROM analytics.exposure($from_at, $to_at) AS x
JOIN analytics.resource AS r USING (source, resource_id)
LEFT JOIN point AS p USING (source, resource_id)
LEFT JOIN open_streak AS k USING (source, resource_id)
LEFT JOIN outcomes AS o USING (source, resource_id)
LEFT JOIN commonest AS c USING (source, resource_id)
LEFT JOIN short AS s USING (source, resource_id)
LEFT JOIN short_vault AS v ON v.source = r.source AND v.vault_id = r.vault_id
WHERE coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true) AND (x.unprotected_hours > 0 OR k.failures > 0)
ORDER BY unprotected_hours DESC, strikes DESC, last_rp_age_hours DESC NULLS FIRST, r.resource_id
LIMIT 20
