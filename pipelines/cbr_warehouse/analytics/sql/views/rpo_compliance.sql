-- Question: for how long was each resource without a recent enough recovery point, lately and now?
-- Grain: one row per source and resource enrolled in the lookback that ends at analytics.as_of.
-- Definition: as macro exposure, over the lookback. At each moment the recovery point with the latest rp_at counts of those
--   usable and not deleted by then; the resource is unprotected while the time since its rp_at exceeds rpo (before the
--   first one is usable: since the first backup task was created), and at once while all of them are deleted. Time
--   compliance rate = 1 - unprotected_hours / observed_hours. Observation ends at removal, at analytics.as_of, or at
--   the watermark of a source that is excluded from it.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: rpo is interval and grace, never exactly the interval, since then every daily backup would be in breach while
--   it runs. A resource enrolled less than its rpo ago is compliant. Removed resources have a row for as long as they
--   were enrolled in the lookback. is_in_breach_now is true exactly for the buckets within_2x_rpo, within_7d,
--   older_than_7d, none_left and never of resource_protection.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy; NULL if none ever.
--   schedule_basis: Origin of its interval: configured, policy, inferred, observed or assumed.
--   rpo_hours: Recovery point objective: interval and grace.
--   observed_hours: Hours of the lookback in which it was enrolled.
--   unprotected_hours: Of them unprotected.
--   time_compliance_rate: 1 - unprotected_hours / observed_hours.
--   breaches: Unbroken unprotected stretches.
--   is_in_breach_now: Whether it is unprotected at analytics.as_of.
--   removed_at: When it was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is excluded; NULL else.
WITH asked AS (
    SELECT c.source, o.as_of - to_seconds(epoch(s.lookback)) AS from_at, o.as_of AS to_at
    FROM analytics.source_clock AS c
    CROSS JOIN analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
),

-- include exposure

SELECT
    r.source,
    r.resource_id,
    r.resource_name,
    r.resource_type,
    r.vault_id,
    r.vault_name,
    r.policy_id,
    r.schedule_basis,
    epoch(r.rpo) / 3600 AS rpo_hours,
    x.observed_hours,
    x.unprotected_hours,
    1 - x.unprotected_hours / nullif(x.observed_hours, 0) AS time_compliance_rate,
    x.breaches,
    x.is_unprotected_at_end AS is_in_breach_now,
    r.removed_at,
    r.not_loaded_since
FROM exposure AS x
JOIN analytics.resource AS r ON r.source = x.source AND r.resource_id = x.resource_id
