-- Question: which twenty resources need someone first?
-- Grain: one row per resource, at most twenty.
-- Definition: by unprotected hours in the period, then failures in a row at its end, then the age of the newest
--   recovery point; only resources with any of the first two, not removed and still loaded.
-- Settings: rpo_grace, strikes
-- Edge cases: a resource never backed up has no age.
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
        arg_max_null(a.error_code, (a.created_at, a.task_id)) AS last_error_code
    FROM analytics.streak AS k
    JOIN analytics.attempt AS a
        ON a.source = k.source AND a.resource_id = k.resource_id
        AND a.operation_type = 'backup' AND a.outcome = 'fail'
        AND a.created_at >= k.first_failed_at AND a.created_at <= k.last_failed_at AND a.created_at < $to_at
    WHERE k.first_failed_at < $to_at AND coalesce(k.recovered_at >= $to_at, true)
    GROUP BY k.source, k.resource_id, k.streak, k.first_failed_at
    QUALIFY row_number() OVER (PARTITION BY k.source, k.resource_id ORDER BY k.first_failed_at DESC) = 1
)

SELECT
    r.source,
    coalesce(nullif(r.resource_name, ''), r.resource_id) AS resource,
    r.resource_id,
    r.resource_type,
    coalesce(nullif(r.vault_name, ''), r.vault_id) AS vault,
    round(x.unprotected_hours, 6) AS unprotected_hours,
    coalesce(k.failures, 0) AS strikes,
    (epoch($to_at) - epoch(p.last_rp_at)) / 3600 AS last_rp_age_hours,
    k.last_error_code AS error_code,
    r.schedule_basis
FROM analytics.exposure($from_at, $to_at) AS x
JOIN analytics.resource AS r USING (source, resource_id)
LEFT JOIN point AS p USING (source, resource_id)
LEFT JOIN open_streak AS k USING (source, resource_id)
WHERE coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true) AND (x.unprotected_hours > 0 OR k.failures > 0)
ORDER BY unprotected_hours DESC, strikes DESC, last_rp_age_hours DESC NULLS FIRST, r.resource_id
LIMIT 20
