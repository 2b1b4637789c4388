-- Resources whose backup tasks changed, with the attempt from which their streaks are made again: the last success
-- before the first change, which no streak goes beyond. Most have one in the 40 days before; of the others the whole
-- history is searched, unless the warehouse did not know them.
WITH change AS (
    SELECT source, resource_id, min((created_at, task_id)) AS first_change
    FROM changed_attempts
    WHERE operation_type = 'backup' AND resource_id IS NOT NULL
    GROUP BY source, resource_id
),

recent AS (
    SELECT c.source, c.resource_id, max((a.created_at, a.task_id)) AS since
    FROM analytics.attempt AS a
    JOIN change AS c ON c.source = a.source AND c.resource_id = a.resource_id
    WHERE a.operation_type = 'backup'
        AND a.outcome = 'ok'
        AND a.created_at >= (SELECT min(first_change[1]) - INTERVAL 40 DAY FROM change)
        AND (a.created_at, a.task_id) < c.first_change
    GROUP BY c.source, c.resource_id
),

earlier AS (
    SELECT
        c.source,
        c.resource_id,
        coalesce(
            max((a.created_at, a.task_id)) FILTER (a.outcome = 'ok'),
            min((a.created_at, a.task_id))
        ) AS since
    FROM analytics.attempt AS a
    JOIN (
        SELECT *
        FROM change
        SEMI JOIN analytics.resource USING (source, resource_id)
        ANTI JOIN recent USING (source, resource_id)
    ) AS c ON c.source = a.source AND c.resource_id = a.resource_id
    WHERE a.operation_type = 'backup' AND (a.created_at, a.task_id) < c.first_change
    GROUP BY c.source, c.resource_id
)

SELECT source, resource_id, since[1] AS since, since[2] AS since_task_id
FROM (
    SELECT c.source, c.resource_id, coalesce(r.since, e.since, c.first_change) AS since
    FROM change AS c
    LEFT JOIN recent AS r ON r.source = c.source AND r.resource_id = c.resource_id
    LEFT JOIN earlier AS e ON e.source = c.source AND e.resource_id = c.resource_id
)
