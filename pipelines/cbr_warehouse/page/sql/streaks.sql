-- Question: which series of failures were there, and what ended them?
-- Grain: one row per series with a failure on a backup day of the period or open; open ones first, then the newest.
-- Definition: rows of failing_streaks. vault and policy of a filter are those of the resource's newest backup day.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: a series is of the period if it had begun by its end and had not ended before it.
SELECT
    k.*,
    count(*) OVER () AS total
FROM analytics.failing_streaks AS k
JOIN analytics.resource AS r USING (source, resource_id)
JOIN analytics.source_clock AS c USING (source)
WHERE (timezone(c.timezone, k.first_failed_at) - c.day_anchor)::DATE <= $to_day::DATE
    AND (k.is_open OR (timezone(c.timezone, k.last_failed_at) - c.day_anchor)::DATE >= $from_day::DATE)
    AND k.source = $source -- if source
    AND (r.vault_id = $vault OR contains(lower(r.vault_name), lower($vault))) -- if vault
    AND contains(lower(r.policy_id), lower($policy)) -- if policy
    AND k.resource_type = $type -- if type
    AND (k.resource_id = $resource OR contains(lower(k.resource_name), lower($resource))) -- if resource
    AND list_contains(k.error_codes, $code) -- if code
ORDER BY k.is_open DESC, k.first_failed_at DESC, k.source, k.resource_id
LIMIT $limit
OFFSET $offset
