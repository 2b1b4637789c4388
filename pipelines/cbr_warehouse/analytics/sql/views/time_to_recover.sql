-- Question: once backups fail with a code, how long until they work again, with open cases counted properly?
-- Grain: one row per source, curve and duration at which a streak recovered: one curve for all streaks (error_code and
--   vault_id NULL), one for each error code (vault_id NULL), one for each vault (error_code "(all)").
-- Definition: Kaplan-Meier estimate over failing_streaks: survival is the estimated share of streaks that still fail after so
--   many hours. Streaks without recovery are censored at their resource's removal, else at the watermark of a source excluded
--   from analytics.as_of, else at analytics.as_of.
-- Settings: none
-- Edge cases: over all history, by the code of the streak's first failure and the vault of its earliest failure that names
--   one. Where survival never falls to one half, the median is not known yet. With few at risk the curve is coarse: see
--   at_risk.
-- Columns:
--   source: Name of the configured source.
--   error_code: Code, (none), NULL for all together, or (all) in the curve of a vault.
--   vault_id: Vault, or (none), in the curve of a vault; else NULL.
--   vault_name: Its newest name.
--   hours: Time since the first failure.
--   at_risk: Streaks that lasted at least so long.
--   recovered: Of them recovered at that time.
--   survival: Estimated share still failing after it.
--   streaks: All streaks of this curve.
--   censored: Of them not recovered: still open, or ended by removal.
WITH streak AS (
    SELECT
        source,
        first_error_code AS error_code,
        coalesce(vault_id, '(none)') AS vault_id,
        coalesce(duration_hours, censored_hours) AS hours,
        recovered_at IS NOT NULL AS is_recovered
    FROM analytics.failing_streaks
),

all_ways AS (
    SELECT source, error_code, NULL AS vault_id, hours, is_recovered FROM streak
    UNION ALL
    SELECT source, NULL, NULL, hours, is_recovered FROM streak
    UNION ALL
    SELECT source, '(all)', vault_id, hours, is_recovered FROM streak
),

moment AS (
    SELECT source, error_code, vault_id, hours, count(*) AS leaving, count(*) FILTER (is_recovered) AS recovered
    FROM all_ways
    WHERE hours IS NOT NULL
    GROUP BY ALL
),

risk AS (
    SELECT
        *,
        sum(leaving) OVER (
            PARTITION BY source, error_code, vault_id ORDER BY hours ASC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS at_risk,
        sum(leaving) OVER (PARTITION BY source, error_code, vault_id) AS streaks,
        sum(leaving - recovered) OVER (PARTITION BY source, error_code, vault_id) AS censored
    FROM moment
),

estimated AS (
    -- A product as a sum of logarithms, in whole numbers, whose sum is the same in whatever order they are added; where
    -- all that are left recover, it is 0 from there on.
    SELECT
        *,
        sum(CASE WHEN recovered < at_risk THEN round(ln(1 - recovered / at_risk) * 1e15)::BIGINT ELSE 0 END) OVER through
            AS log_survival,
        bool_or(recovered = at_risk) OVER through AS is_over
    FROM risk
    WINDOW through AS (PARTITION BY source, error_code, vault_id ORDER BY hours ASC ROWS UNBOUNDED PRECEDING)
),

named AS (
    SELECT source, vault_id, arg_max(vault_name, (last_created_at, vault_name)) AS vault_name FROM analytics.resource_day GROUP BY ALL
)

SELECT
    e.source,
    e.error_code,
    e.vault_id,
    n.vault_name,
    e.hours,
    e.at_risk::BIGINT AS at_risk,
    e.recovered,
    CASE WHEN e.is_over THEN 0.0 ELSE exp(e.log_survival / 1e15) END AS survival,
    e.streaks::BIGINT AS streaks,
    e.censored::BIGINT AS censored
FROM estimated AS e
LEFT JOIN named AS n ON n.source = e.source AND n.vault_id = e.vault_id
WHERE e.recovered > 0
ORDER BY e.source, e.vault_id NULLS FIRST, e.error_code NULLS FIRST, e.hours
