-- Question: where are we good, where not, and is it getting better?
-- Grain: one row per source and value of a dimension: source, vault, project, provider, resource_type, policy.
-- Definition: final success rate of backup days that were over at the watermark (no grace), in the last lookback and
--   the one before; ranked by the lower bound of the 95 % Wilson interval. Burn rate over n days: share of failed or
--   skipped windows divided by the error budget, 1 - success_target; above 1 the budget is overspent.
-- Settings: lookback, success_target, strikes
-- Edge cases: a resource belongs to the vault and policy of each backup day, so moving does not move its past.
--   Numerators and denominators are summed, rates never averaged. NULL without a verdict.
-- Columns:
--   source: Name of the configured source.
--   dimension: source, vault, project, provider, resource_type or policy.
--   value: Which; NULL of dimension source.
--   name: Newest name of the vault; else the value.
--   resources: Resources with a verdict.
--   windows: Backup days of resources with a verdict.
--   protected: Of them protected.
--   final_success_rate: protected / windows.
--   wilson_lower: Lower bound of the 95 % interval.
--   windows_before: The same of the lookback before.
--   protected_before: The same of the lookback before.
--   final_success_rate_before: The same of the lookback before.
--   change: Difference of the two rates.
--   burn_rate_1d: Over the last day that was over.
--   burn_rate_3d: Over the last 3.
--   burn_rate_7d: Over the last 7.
--   burn_rate_28d: Over the last 28.
--   resources_on_strike: Resources that now have failed `strikes` times in a row or more.
WITH day AS (
    SELECT
        d.source,
        d.resource_id,
        d.vault_id,
        d.vault_name,
        d.project_id,
        d.provider_id,
        d.resource_type,
        d.policy_id,
        d.last_created_at,
        d.verdict = 'protected' AS is_protected,
        CAST(timezone(s.timezone, o.as_of) - s.day_anchor AS DATE) - d.backup_day AS days_ago,
        (epoch(s.lookback) // 86400)::INTEGER AS span
    FROM analytics.resource_day AS d
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = d.source
    WHERE d.ends_at <= coalesce(w.observed_until, o.as_of) AND d.verdict IN ('protected', 'failed', 'skipped')
        AND d.backup_day >= CAST(o.as_of - 2 * to_seconds(epoch(s.lookback)) - INTERVAL 48 HOUR AS DATE)
),

struck AS (
    SELECT source, resource_id FROM analytics.consecutive_failures
),

rolled AS (
    SELECT
        d.source,
        CASE
            WHEN grouping(d.vault_id) = 0 THEN 'vault'
            WHEN grouping(d.project_id) = 0 THEN 'project'
            WHEN grouping(d.provider_id) = 0 THEN 'provider'
            WHEN grouping(d.resource_type) = 0 THEN 'resource_type'
            WHEN grouping(d.policy_id) = 0 THEN 'policy'
            ELSE 'source'
        END AS dimension,
        coalesce(d.vault_id, d.project_id, d.provider_id, d.resource_type, d.policy_id) AS value,
        CASE WHEN grouping(d.vault_id) = 0 THEN arg_max(d.vault_name, d.last_created_at) END AS vault_name,
        count(DISTINCT d.resource_id) FILTER (d.days_ago <= d.span) AS resources,
        count(*) FILTER (d.days_ago <= d.span) AS windows,
        count(*) FILTER (d.days_ago <= d.span AND d.is_protected) AS protected,
        count(*) FILTER (d.days_ago > d.span AND d.days_ago <= 2 * d.span) AS windows_before,
        count(*) FILTER (d.days_ago > d.span AND d.days_ago <= 2 * d.span AND d.is_protected) AS protected_before,
        avg((NOT d.is_protected)::INTEGER) FILTER (d.days_ago <= 1) AS bad_1d,
        avg((NOT d.is_protected)::INTEGER) FILTER (d.days_ago <= 3) AS bad_3d,
        avg((NOT d.is_protected)::INTEGER) FILTER (d.days_ago <= 7) AS bad_7d,
        avg((NOT d.is_protected)::INTEGER) FILTER (d.days_ago <= 28) AS bad_28d,
        count(DISTINCT k.resource_id) AS resources_on_strike
    FROM day AS d
    LEFT JOIN struck AS k ON k.source = d.source AND k.resource_id = d.resource_id AND d.days_ago <= 7
    GROUP BY GROUPING SETS (
        (d.source), (d.source, d.vault_id), (d.source, d.project_id), (d.source, d.provider_id),
        (d.source, d.resource_type), (d.source, d.policy_id)
    )
)

SELECT
    r.source,
    r.dimension,
    r.value,
    coalesce(r.vault_name, r.value) AS name,
    r.resources,
    r.windows,
    r.protected,
    r.protected / nullif(r.windows, 0) AS final_success_rate,
    CASE
        WHEN r.windows > 0
            THEN greatest(0, r.protected / r.windows + 1.9208 / r.windows - 1.96 * sqrt(
                r.protected / r.windows * (1 - r.protected / r.windows) / r.windows + 0.9604 / (r.windows * r.windows)
            )) / (1 + 3.8416 / r.windows)
    END AS wilson_lower,
    r.windows_before,
    r.protected_before,
    r.protected_before / nullif(r.windows_before, 0) AS final_success_rate_before,
    r.protected / nullif(r.windows, 0) - r.protected_before / nullif(r.windows_before, 0) AS change,
    r.bad_1d / (1 - s.success_target) AS burn_rate_1d,
    r.bad_3d / (1 - s.success_target) AS burn_rate_3d,
    r.bad_7d / (1 - s.success_target) AS burn_rate_7d,
    r.bad_28d / (1 - s.success_target) AS burn_rate_28d,
    r.resources_on_strike
FROM rolled AS r
CROSS JOIN analytics.settings AS s
ORDER BY r.source, r.dimension, wilson_lower, r.value
