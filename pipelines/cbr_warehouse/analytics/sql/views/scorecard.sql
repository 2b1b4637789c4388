-- Question: where are backups reliable, where not, and is it getting better?
-- Grain: one row per source and value of a dimension (source, vault, project, provider, resource_type, policy) with a backup
--   day that has a verdict in the last two lookbacks, or with a resource that has failed strikes times in a row.
-- Definition: final success rate of the backup days (rows of resource_day) with the verdict protected, failed or skipped that
--   were over at the watermark (no grace) within the last lookback, and within the one before; ranked by the lower bound of
--   its 95 % Wilson interval. Burn rate over n days: share of failed or skipped ones divided by the error budget, 1 -
--   success_target; above 1 the budget is overspent.
-- Settings: lookback, success_target, strikes, timezone, day_anchor (of the source, else the global ones)
-- Edge cases: a backup day counts for the vault, policy, provider and type that it has in resource_day, so moving a resource
--   does not move its past; resources_on_strike counts for the newest ones of the resource. Numerators and denominators are
--   summed, rates never averaged. Rates are NULL without a verdict. value is NULL in the row of dimension source, and in the
--   row of another dimension for the backup days that name none (no vault, no policy).
-- Columns:
--   source: Name of the configured source.
--   dimension: source, vault, project, provider, resource_type or policy.
--   value: Id or type; NULL of dimension source, and where the backup days name none.
--   name: Newest name of the vault; else the value.
--   resources: Resources with a verdict in the lookback.
--   windows: Backup days of resources with a verdict in the lookback.
--   protected: Of them protected.
--   final_success_rate: protected / windows.
--   wilson_lower: Lower bound of the 95 % interval.
--   windows_before: As windows, in the lookback before.
--   protected_before: As protected, in the lookback before.
--   final_success_rate_before: As final_success_rate, in the lookback before.
--   change: final_success_rate - final_success_rate_before.
--   burn_rate_1d: Over the last day that was over.
--   burn_rate_3d: Over the last 3.
--   burn_rate_7d: Over the last 7.
--   burn_rate_28d: Over the last 28.
--   resources_on_strike: Resources of consecutive_failures: that have now failed strikes times in a row or more.
WITH span AS (
    -- Once for each source, not for each day: time zones and intervals are slow to compute.
    SELECT
        c.source,
        CAST(timezone(c.timezone, o.as_of) - c.day_anchor AS DATE) AS today,
        (epoch(s.lookback) // 86400)::INTEGER AS span,
        coalesce(w.observed_until, o.as_of) AS until_at,
        CAST(o.as_of - 2 * to_seconds(epoch(s.lookback)) - INTERVAL 48 HOUR AS DATE) AS from_day
    FROM analytics.source_clock AS c
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    LEFT JOIN analytics.source_watermark AS w ON w.source = c.source
),

day AS (
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
        p.today - d.backup_day AS days_ago,
        p.span
    FROM analytics.resource_day AS d
    JOIN span AS p ON p.source = d.source
    WHERE d.ends_at <= p.until_at AND d.verdict IN ('protected', 'failed', 'skipped') AND d.backup_day >= p.from_day
),

struck AS (
    SELECT
        r.source,
        CASE
            WHEN grouping(r.vault_id) = 0 THEN 'vault'
            WHEN grouping(r.project_id) = 0 THEN 'project'
            WHEN grouping(r.provider_id) = 0 THEN 'provider'
            WHEN grouping(r.resource_type) = 0 THEN 'resource_type'
            WHEN grouping(r.policy_id) = 0 THEN 'policy'
            ELSE 'source'
        END AS dimension,
        coalesce(r.vault_id, r.project_id, r.provider_id, r.resource_type, r.policy_id) AS value,
        CASE WHEN grouping(r.vault_id) = 0 THEN arg_max(r.vault_name, (r.last_attempt_at, r.resource_id)) END AS vault_name,
        count(*) AS resources
    FROM analytics.consecutive_failures AS k
    JOIN analytics.resource AS r ON r.source = k.source AND r.resource_id = k.resource_id
    GROUP BY GROUPING SETS (
        (r.source), (r.source, r.vault_id), (r.source, r.project_id), (r.source, r.provider_id),
        (r.source, r.resource_type), (r.source, r.policy_id)
    )
),

-- By resource first: far fewer rows than backup days for the six dimensions.
summed AS (
    SELECT
        source,
        resource_id,
        vault_id,
        project_id,
        provider_id,
        resource_type,
        policy_id,
        arg_max(vault_name, last_created_at) AS vault_name,
        max(last_created_at) FILTER (vault_name IS NOT NULL) AS named_at,
        count(*) FILTER (days_ago <= span) AS windows,
        count(*) FILTER (days_ago <= span AND is_protected) AS protected,
        count(*) FILTER (days_ago > span AND days_ago <= 2 * span) AS windows_before,
        count(*) FILTER (days_ago > span AND days_ago <= 2 * span AND is_protected) AS protected_before,
        count(*) FILTER (days_ago <= 1) AS n_1d,
        count(*) FILTER (days_ago <= 3) AS n_3d,
        count(*) FILTER (days_ago <= 7) AS n_7d,
        count(*) FILTER (days_ago <= 28) AS n_28d,
        count(*) FILTER (days_ago <= 1 AND NOT is_protected) AS bad_1d,
        count(*) FILTER (days_ago <= 3 AND NOT is_protected) AS bad_3d,
        count(*) FILTER (days_ago <= 7 AND NOT is_protected) AS bad_7d,
        count(*) FILTER (days_ago <= 28 AND NOT is_protected) AS bad_28d
    FROM day
    GROUP BY source, resource_id, vault_id, project_id, provider_id, resource_type, policy_id
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
        CASE WHEN grouping(d.vault_id) = 0 THEN arg_max(d.vault_name, (d.named_at, d.resource_id)) END AS vault_name,
        count(DISTINCT d.resource_id) FILTER (d.windows > 0) AS resources,
        sum(d.windows)::BIGINT AS windows,
        sum(d.protected)::BIGINT AS protected,
        sum(d.windows_before)::BIGINT AS windows_before,
        sum(d.protected_before)::BIGINT AS protected_before,
        sum(d.bad_1d) / nullif(sum(d.n_1d), 0) AS bad_1d,
        sum(d.bad_3d) / nullif(sum(d.n_3d), 0) AS bad_3d,
        sum(d.bad_7d) / nullif(sum(d.n_7d), 0) AS bad_7d,
        sum(d.bad_28d) / nullif(sum(d.n_28d), 0) AS bad_28d
    FROM summed AS d
    GROUP BY GROUPING SETS (
        (d.source), (d.source, d.vault_id), (d.source, d.project_id), (d.source, d.provider_id),
        (d.source, d.resource_type), (d.source, d.policy_id)
    )
),

merged AS (
    SELECT
        coalesce(r.source, k.source) AS source,
        coalesce(r.dimension, k.dimension) AS dimension,
        coalesce(r.value, k.value) AS value,
        coalesce(r.vault_name, k.vault_name) AS vault_name,
        coalesce(r.resources, 0) AS resources,
        coalesce(r.windows, 0) AS windows,
        coalesce(r.protected, 0) AS protected,
        coalesce(r.windows_before, 0) AS windows_before,
        coalesce(r.protected_before, 0) AS protected_before,
        r.bad_1d,
        r.bad_3d,
        r.bad_7d,
        r.bad_28d,
        coalesce(k.resources, 0) AS resources_on_strike
    FROM rolled AS r
    FULL JOIN struck AS k
        ON k.source = r.source AND k.dimension = r.dimension AND k.value IS NOT DISTINCT FROM r.value
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
FROM merged AS r
CROSS JOIN analytics.settings AS s
ORDER BY r.source, r.dimension, wilson_lower, r.value
