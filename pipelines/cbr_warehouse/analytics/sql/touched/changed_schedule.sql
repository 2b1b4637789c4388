-- Schedules whose backup tasks changed, with the run from which their runs could be made again: the last one before the
-- first change that began more than run_gap after all before it had ended; and the starts of the last such runs.
WITH change AS (
    SELECT source, schedule_id, min(created_at) AS first_change
    FROM changed_attempts
    WHERE operation_type = 'backup' AND schedule_id IS NOT NULL
    GROUP BY source, schedule_id
),

run AS (
    SELECT
        r.source,
        r.schedule_id,
        r.run_started_at,
        max(r.last_created_at) OVER (
            PARTITION BY r.source, r.schedule_id
            ORDER BY r.run_started_at ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before
    FROM analytics.schedule_run AS r
    SEMI JOIN change AS c ON c.source = r.source AND c.schedule_id = r.schedule_id
),

apart AS (
    -- Not the starts of all runs: of many schedules these are much to keep in memory.
    SELECT c.source, c.schedule_id, max(r.run_started_at, 50) AS starts
    FROM change AS c
    CROSS JOIN analytics.settings AS s
    JOIN run AS r ON r.source = c.source AND r.schedule_id = c.schedule_id
    WHERE r.run_started_at <= c.first_change
        AND r.run_started_at > r.ended_before + greatest(INTERVAL 1 MINUTE, to_seconds(epoch(s.run_gap)))
    GROUP BY c.source, c.schedule_id
)

SELECT c.source, c.schedule_id, list_max(a.starts) AS since, a.starts
FROM change AS c
LEFT JOIN apart AS a USING (source, schedule_id)
