-- Title: Retention not shortened
-- Version: 1
-- Question: was the retention of any policy shortened?
-- Population: policies; those of which backups were deleted by day in the window
-- Grain: one row per source and policy (vault, where the policy is missing) of the backups that deletion_class has as
--   retention or early.
-- Definition: fails where retention_shortened has the policy with raised_at in the window.
-- Alarm: retention_shortened
-- Window: lookback
-- Missing days: may hide failures
-- Settings: retention_cut, expiry_from, expiry_until, timezone, lookback
-- Edge cases: inferred from the ages at deletion. A retention shortened on purpose fails too, unless an exception names the
--   policy.
-- Clauses:
--   NIS2 Art. 21(2)(b): shows that no shortened retention, which may be an attack, was detected.
--   NIS2 Art. 21(2)(c): shows that backups are kept as long as before.
--   NIST CP-9 d: shows that backup information stays available as long as before.
--   SOC 2 A1.2: shows that this threat to recoverability was not seen (point of focus "considers data recoverability").
SELECT
    d.source,
    coalesce(p.policy_id, max(d.vault_id), '(none)') AS item,
    coalesce(nullif(max(d.vault_name), ''), p.policy_id, max(d.vault_id), '(none)') AS name,
    max(e.raised_at) IS NOT NULL AS fails,
    format('backups deleted after {:.1f} days, {:.1f} before', min(e.age_days), max(e.usual_age_days)) AS why,
    min(e.began_at) AS since,
    max(e.usual_age_days - e.age_days) AS worst
FROM analytics.deletion_class AS d
CROSS JOIN analytics.as_of AS o
CROSS JOIN analytics.settings AS s
JOIN analytics.recovery_point AS p ON p.source = d.source AND p.backup_id = d.backup_id
LEFT JOIN analytics.retention_shortened AS e
    ON e.source = d.source
    AND CASE WHEN p.policy_id IS NULL THEN e.policy_id IS NULL AND e.vault_id = d.vault_id ELSE e.policy_id = p.policy_id END
    AND e.raised_at > o.as_of - to_seconds(epoch(s.lookback))
WHERE d.class IN ('retention', 'early') AND d.outcome = 'ok'
    AND d.created_at > o.as_of - to_seconds(epoch(s.lookback)) AND d.created_at <= o.as_of
GROUP BY d.source, p.policy_id, CASE WHEN p.policy_id IS NULL THEN d.vault_id END
