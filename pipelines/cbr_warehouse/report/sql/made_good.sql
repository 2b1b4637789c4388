-- Question: what share of failures was made good by a later backup?
-- Grain: one row.
-- Definition: series of failed backups (streak) that a success ended in the period, divided by these and those that were open at
--   its end, of resources not removed and still loaded then.
-- Settings: none
-- Edge cases: a single failure is a series of one. A series that the removal of its resource ended is not counted.
WITH series AS (
    SELECT coalesce(k.recovered_at < $to_at, false) AS is_made_good
    FROM analytics.streak AS k
    LEFT JOIN analytics.resource AS r ON r.source = k.source AND r.resource_id = k.resource_id
    WHERE k.first_failed_at < $to_at
        AND coalesce(k.recovered_at >= $from_at, true)
        AND (k.recovered_at < $to_at OR coalesce(least(r.removed_at, r.not_loaded_since) >= $to_at, true))
)

SELECT
    count(*) FILTER (is_made_good) AS numerator,
    count(*) AS denominator,
    numerator / nullif(denominator, 0) AS value
FROM series
