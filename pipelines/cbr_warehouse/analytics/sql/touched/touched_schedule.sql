-- Schedules whose backup tasks changed, with the run from which their runs are made again: the last one before the
-- first change that began more than run_gap after all before it had ended. A checkpoint can join what lies further apart:
-- where one has tasks on both sides, all runs are made again.
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
    SELECT c.source, c.schedule_id, max(r.run_started_at) AS since
    FROM change AS c
    CROSS JOIN analytics.settings AS s
    JOIN run AS r ON r.source = c.source AND r.schedule_id = c.schedule_id
    WHERE r.run_started_at <= c.first_change
        AND r.run_started_at > r.ended_before + greatest(INTERVAL 1 MINUTE, to_seconds(epoch(s.run_gap)))
    GROUP BY c.source, c.schedule_id
),

later AS (
    SELECT a.source, a.schedule_id, a.checkpoint_id
    FROM analytics.attempt AS a
    JOIN apart AS p ON p.source = a.source AND p.schedule_id = a.schedule_id AND a.created_at >= p.since
    WHERE a.operation_type = 'backup'
        AND nullif(a.checkpoint_id, '') IS NOT NULL
        AND a.created_at >= (SELECT min(since) FROM apart)
    UNION
    SELECT source, schedule_id, checkpoint_id
    FROM changed_attempts
    WHERE operation_type = 'backup' AND nullif(checkpoint_id, '') IS NOT NULL
),

spanned AS (
    SELECT DISTINCT a.source, a.schedule_id
    FROM analytics.attempt AS a
    JOIN apart AS p ON p.source = a.source AND p.schedule_id = a.schedule_id AND a.created_at < p.since
    SEMI JOIN later AS l
        ON l.source = a.source AND l.schedule_id = a.schedule_id AND l.checkpoint_id = a.checkpoint_id
    WHERE a.operation_type = 'backup'
)

SELECT
    c.source,
    c.schedule_id,
    CASE WHEN s.source IS NULL THEN coalesce(p.since, TIMESTAMPTZ '-infinity') ELSE TIMESTAMPTZ '-infinity' END AS since
FROM change AS c
LEFT JOIN apart AS p USING (source, schedule_id)
LEFT JOIN spanned AS s USING (source, schedule_id)
