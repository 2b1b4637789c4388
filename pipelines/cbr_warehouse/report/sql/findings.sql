-- Question: what does the verdict of the report rest on?
-- Grain: one row per finding.
-- Definition: n of `total`. unprotected: resources enrolled, not removed and still loaded, without a recent enough recovery
--   point at the end of the period, those never backed up included (exposure, is_unprotected_at_end). persistent: of the
--   same those whose backups had failed at least `strikes` times in a row and for at least `persistent_after` then, without
--   a success since. missing: days of data that are incomplete or lost. unverified: days whose completeness could not be
--   verified, for another reason than the edge of retention. partial: tasks created in the period that ended with success
--   although parts of their work failed, of all tasks that did. mostly_failed: resource backup days that count as protected
--   although most of at least three scheduled backups that ended did not succeed, of all protected ones. unscheduled:
--   resources without any sign of a schedule. not_protected: unprotected, of all resources there are (estate_coverage).
-- Settings: strikes, persistent_after, rpo_grace, default_interval, [[schedules]]
-- Edge cases: days of data are UTC days of the period and the one before, of whole sources. not_protected is of the newest
--   inventory, and nothing (0 of 0) for a period that ended more than a day before that was read.
WITH live AS (
    SELECT source, resource_id, schedule_id
    FROM analytics.resource
    WHERE first_attempt_at < $to_at AND coalesce(least(removed_at, not_loaded_since) >= $to_at, true)
),

persistent AS (
    SELECT DISTINCT k.source, k.resource_id
    FROM analytics.streak AS k
    SEMI JOIN live USING (source, resource_id)
    JOIN analytics.attempt AS a
        ON a.source = k.source AND a.resource_id = k.resource_id
        AND a.operation_type = 'backup' AND a.outcome = 'fail'
        AND a.created_at >= k.first_failed_at AND a.created_at <= k.last_failed_at AND a.created_at < $to_at
    CROSS JOIN analytics.settings AS s
    WHERE k.first_failed_at <= $to_at - to_seconds(epoch(s.persistent_after)) AND coalesce(k.recovered_at >= $to_at, true)
    GROUP BY k.source, k.resource_id, k.streak
    HAVING count(*) >= any_value(s.strikes)
),

days AS (
    SELECT state, reason
    FROM coverage
    WHERE day >= $before_at::DATE AND day <= $to_at::DATE
),

backed_up AS (
    SELECT 2 * scheduled_ok < scheduled_ended AND scheduled_ended > 2 AS is_mostly_failed
    FROM analytics.resource_day
    WHERE backup_day >= $from_day AND backup_day < $to_day AND verdict = 'protected'
)

SELECT
    'unprotected' AS finding,
    (SELECT count(*) FILTER (is_unprotected_at_end) FROM analytics.exposure($from_at, $to_at)) AS n,
    (SELECT count(*) FROM live) AS total
UNION ALL
SELECT 'persistent', (SELECT count(*) FROM persistent), (SELECT count(*) FROM live)
UNION ALL
SELECT 'missing', count(*) FILTER (state IN ('incomplete', 'lost')), count(*) FROM days
UNION ALL
SELECT 'unverified', count(*) FILTER (state = 'unverified' AND reason IS DISTINCT FROM 'edge_of_retention'), count(*) FROM days
UNION ALL
SELECT
    'partial',
    (SELECT count(*) FROM analytics.partial_success WHERE created_at >= $from_at AND created_at < $to_at),
    (SELECT count(*) FROM analytics.attempt WHERE outcome = 'ok' AND created_at >= $from_at AND created_at < $to_at)
UNION ALL
SELECT 'mostly_failed', count(*) FILTER (is_mostly_failed), count(*) FROM backed_up
UNION ALL
SELECT 'unscheduled', count(*) FILTER (schedule_id IS NULL), count(*) FROM live
UNION ALL
SELECT 'not_protected', coalesce(sum(c.unprotected), 0)::BIGINT, coalesce(sum(c.resources), 0)::BIGINT
FROM analytics.estate_coverage AS c
JOIN (SELECT source, max(complete_at) AS read_at FROM analytics.inventory_list GROUP BY source) AS l USING (source)
WHERE c.dimension = 'all' AND l.read_at < $to_at + INTERVAL 1 DAY
