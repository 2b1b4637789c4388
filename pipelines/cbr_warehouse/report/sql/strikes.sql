-- Question: how many resources fail repeatedly?
-- Grain: one row.
-- Definition: resources, not removed and still loaded, whose backups had failed at least `strikes` times in a row at
--   the end of the period, without a success since; of all resources enrolled, not removed and still loaded.
-- Settings: strikes
-- Edge cases: skipped and open tasks neither count nor reset.
WITH alive AS (
    SELECT source, resource_id
    FROM analytics.resource
    WHERE first_attempt_at < $to_at AND coalesce(least(removed_at, not_loaded_since) >= $to_at, true)
),

struck AS (
    SELECT k.source, k.resource_id
    FROM analytics.streak AS k
    SEMI JOIN alive USING (source, resource_id)
    JOIN analytics.attempt AS a
        ON a.source = k.source AND a.resource_id = k.resource_id
        AND a.operation_type = 'backup' AND a.outcome = 'fail'
        AND a.created_at >= k.first_failed_at AND a.created_at <= k.last_failed_at AND a.created_at < $to_at
    WHERE k.first_failed_at < $to_at AND coalesce(k.recovered_at >= $to_at, true)
    GROUP BY k.source, k.resource_id, k.streak
    HAVING count(*) >= (SELECT strikes FROM analytics.settings)
)

SELECT
    s.n AS numerator,
    a.n AS denominator,
    s.n AS value
FROM (SELECT count(*) AS n FROM struck) AS s
CROSS JOIN (SELECT count(*) AS n FROM alive) AS a
