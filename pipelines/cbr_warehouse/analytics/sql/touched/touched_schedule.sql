-- Schedules whose backup tasks changed, with the run from which their runs are made again: the last one before the
-- first change that began more than run_gap after all before it had ended. A checkpoint can join what lies further apart:
-- where one has tasks on both sides, the same is asked of the first of its tasks, if that is in one of the last runs. If
-- one joins both sides even then, all runs are made again.
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

-- Not all runs: they would be kept in memory while attempts are read.
last_runs_apart AS (
    SELECT c.source, c.schedule_id, max(r.run_started_at, 50) AS starts
    FROM change AS c
    CROSS JOIN analytics.settings AS s
    JOIN run AS r ON r.source = c.source AND r.schedule_id = c.schedule_id
    WHERE r.run_started_at <= c.first_change
        AND r.run_started_at > r.ended_before + greatest(INTERVAL 1 MINUTE, to_seconds(epoch(s.run_gap)))
    GROUP BY c.source, c.schedule_id
),

apart AS (
    SELECT source, schedule_id, list_max(starts) AS since
    FROM last_runs_apart
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
    SELECT a.source, a.schedule_id, min(a.created_at) AS first_joined
    FROM analytics.attempt AS a
    JOIN apart AS p ON p.source = a.source AND p.schedule_id = a.schedule_id AND a.created_at < p.since
    SEMI JOIN later AS l
        ON l.source = a.source AND l.schedule_id = a.schedule_id AND l.checkpoint_id = a.checkpoint_id
    WHERE a.operation_type = 'backup'
    GROUP BY a.source, a.schedule_id
),

further_apart AS (
    SELECT s.source, s.schedule_id, max(r.run_started_at) AS since
    FROM spanned AS s
    JOIN (SELECT source, schedule_id, unnest(starts) AS run_started_at FROM last_runs_apart) AS r
        ON r.source = s.source AND r.schedule_id = s.schedule_id
    WHERE r.run_started_at <= s.first_joined
    GROUP BY s.source, s.schedule_id
),

-- Of the checkpoints that have tasks from here on, those of later ones are known to have none before.
between_both AS (
    SELECT DISTINCT a.source, a.schedule_id, a.checkpoint_id
    FROM analytics.attempt AS a
    JOIN further_apart AS f ON f.source = a.source AND f.schedule_id = a.schedule_id AND a.created_at >= f.since
    JOIN apart AS p ON p.source = a.source AND p.schedule_id = a.schedule_id AND a.created_at < p.since
    WHERE a.operation_type = 'backup'
        AND nullif(a.checkpoint_id, '') IS NOT NULL
        AND a.created_at >= (SELECT min(since) FROM further_apart)
),

spanned_further AS (
    SELECT DISTINCT a.source, a.schedule_id
    FROM analytics.attempt AS a
    JOIN further_apart AS f ON f.source = a.source AND f.schedule_id = a.schedule_id AND a.created_at < f.since
    SEMI JOIN between_both AS b
        ON b.source = a.source AND b.schedule_id = a.schedule_id AND b.checkpoint_id = a.checkpoint_id
    WHERE a.operation_type = 'backup'
)

SELECT
    c.source,
    c.schedule_id,
    coalesce(
        CASE
            WHEN s.source IS NULL THEN p.since
            WHEN t.source IS NULL THEN f.since
        END,
        TIMESTAMPTZ '-infinity'
    ) AS since
FROM change AS c
LEFT JOIN apart AS p USING (source, schedule_id)
LEFT JOIN spanned AS s USING (source, schedule_id)
LEFT JOIN further_apart AS f USING (source, schedule_id)
LEFT JOIN spanned_further AS t USING (source, schedule_id)
