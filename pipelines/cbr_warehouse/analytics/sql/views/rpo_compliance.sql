-- Question: for how long was each resource without a recent enough recovery point, lately and now?
-- Grain: one row per source and resource enrolled in the lookback that ends at analytics.as_of.
-- Definition: exposure runs from rp_at of the newest recovery point usable by then until the next one is usable;
--   unprotected is what exceeds the rpo (before the first one: from rpo after the first attempt on), clipped to
--   the lookback, ended by removal and censored at analytics.as_of, or at the watermark of a source that is left out of it
--   (macro exposure). Time compliance rate =
--   1 - unprotected_hours / observed_hours.
-- Settings: lookback, rpo_grace, default_interval, [[schedules]]
-- Edge cases: rpo is interval and grace, never exactly the interval, since then every daily backup would be in
--   breach while it runs. A resource enrolled less than its rpo ago is compliant. Removed resources are here
--   for as long as they were enrolled.
-- Columns:
--   source: Name of the configured source.
--   resource_id: Resource.
--   resource_name: Newest name.
--   resource_type: Type.
--   vault_id: Newest vault.
--   vault_name: Its name.
--   policy_id: Newest policy; NULL if none ever.
--   schedule_basis: Where its interval is from: configured, inferred, observed or assumed.
--   rpo_hours: Recovery point objective: interval and grace.
--   observed_hours: Hours of the lookback in which it was enrolled.
--   unprotected_hours: Of them unprotected.
--   time_compliance_rate: 1 - unprotected_hours / observed_hours.
--   breaches: Unbroken unprotected stretches.
--   is_in_breach_now: Whether it is unprotected at analytics.as_of.
--   removed_at: When it was removed; NULL while it is protected.
--   not_loaded_since: Watermark of its source where that is left out; NULL else.
SELECT
    source,
    resource_id,
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
FROM analytics.exposure(
    (SELECT o.as_of - to_seconds(epoch(s.lookback)) FROM analytics.as_of AS o CROSS JOIN analytics.settings AS s),
    (SELECT o.as_of FROM analytics.as_of AS o)
) AS x
JOIN analytics.resource AS r USING (source, resource_id)
