-- Question: if the region were lost at the end of the period, how much of the newest data would be lost with it?
-- Grain: one row per whole hour that the newest copy in another region of any resource is old.
-- Definition: resources whose newest recovery point copied by then is at most age_hours old, counted and as a share of all
--   resources enrolled, not removed and still loaded. Those without a copy are in no row: they would be lost entirely.
-- Settings: none
-- Edge cases: hours are rounded up. All resources count, also those that are not meant to be copied.
WITH live AS (
    SELECT source, resource_id
    FROM analytics.resource
    WHERE first_attempt_at < $to_at AND coalesce(least(removed_at, not_loaded_since) >= $to_at, true)
),

copied AS (
    SELECT p.source, p.resource_id, ceil((epoch($to_at) - epoch(max(p.rp_at))) / 3600)::INTEGER AS age_hours
    FROM analytics.recovery_point AS p
    SEMI JOIN live USING (source, resource_id)
    WHERE p.first_copied_at < $to_at
    GROUP BY p.source, p.resource_id
)

SELECT
    c.age_hours,
    c.resources,
    n.total,
    c.resources / n.total AS share
FROM (
    SELECT age_hours, (sum(count(*)) OVER (ORDER BY age_hours ASC))::BIGINT AS resources
    FROM copied
    GROUP BY age_hours
) AS c
CROSS JOIN (SELECT count(*) AS total FROM live) AS n
ORDER BY c.age_hours
