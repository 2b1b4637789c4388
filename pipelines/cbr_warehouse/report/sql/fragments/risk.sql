-- Resources at risk in a period: unprotected in it, or failing at its end. Gives at_risk, one row per resource, not
-- removed and still loaded at the end of the period.
point AS (
    SELECT source, resource_id, max(rp_at) AS last_rp_at, arg_max(usable_at, rp_at) AS last_usable_at
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

recovery AS (
    SELECT source, resource_id, max(recovered_at) AS recovered_at
    FROM analytics.streak
    WHERE recovered_at < $to_at AND last_failed_at >= $from_at
    GROUP BY ALL
),

at_risk AS (
    SELECT
        r.source,
        coalesce(nullif(r.resource_name, ''), r.resource_id) AS resource,
        r.resource_id,
        r.resource_type,
        coalesce(nullif(r.vault_name, ''), r.vault_id) AS vault,
        r.vault_id,
        r.schedule_basis,
        round(x.unprotected_hours, 6) AS unprotected_hours,
        x.is_unprotected_at_end,
        coalesce(k.failures, 0) AS strikes,
        coalesce(o.failures, 0) AS failures,
        coalesce(o.attempts, 0) AS attempts,
        p.last_rp_at,
        coalesce(k.first_failed_at, p.last_rp_at, r.first_attempt_at) AS since,
        CASE WHEN k.failures IS NULL AND NOT x.is_unprotected_at_end THEN coalesce(y.recovered_at, p.last_usable_at) END
            AS recovered_at,
        coalesce(
            k.last_error_code,
            c.error_code,
            CASE WHEN o.attempts IS NULL THEN '(not attempted)' WHEN o.skipped > 0 THEN '(skipped)' ELSE '(late)' END
        ) AS cause
    FROM analytics.exposure($from_at, $to_at) AS x
    JOIN analytics.resource AS r USING (source, resource_id)
    LEFT JOIN point AS p USING (source, resource_id)
    LEFT JOIN open_streak AS k USING (source, resource_id)
    LEFT JOIN outcomes AS o USING (source, resource_id)
    LEFT JOIN commonest AS c USING (source, resource_id)
    LEFT JOIN recovery AS y USING (source, resource_id)
    WHERE coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true) AND (x.unprotected_hours > 0 OR k.failures > 0)
)
