-- Schedules whose backup tasks changed, with the run from which their runs are made again. A checkpoint can join what
-- lies further apart than run_gap: where one has tasks on both sides of the run that changed_schedule has, the same is
-- asked of the first of its tasks, if that is in one of the last runs. If one joins both sides even then, all runs are
-- made again.
WITH spanned AS (
    -- By its checkpoint alone first: few backups have one of these.
    SELECT a.source, a.schedule_id, min(a.created_at) AS first_joined
    FROM (
        SELECT source, schedule_id, checkpoint_id, created_at
        FROM analytics.attempt
        SEMI JOIN later_checkpoint USING (checkpoint_id)
        WHERE operation_type = 'backup'
    ) AS a
    JOIN changed_schedule AS c ON c.source = a.source AND c.schedule_id = a.schedule_id AND a.created_at < c.since
    SEMI JOIN later_checkpoint AS l
        ON l.source = a.source AND l.schedule_id = a.schedule_id AND l.checkpoint_id = a.checkpoint_id
    GROUP BY a.source, a.schedule_id
),

further_apart AS (
    SELECT s.source, s.schedule_id, max(r.run_started_at) AS since
    FROM spanned AS s
    JOIN (SELECT source, schedule_id, unnest(starts) AS run_started_at FROM changed_schedule) AS r
        ON r.source = s.source AND r.schedule_id = s.schedule_id
    WHERE r.run_started_at <= s.first_joined
    GROUP BY s.source, s.schedule_id
),

-- Of the checkpoints that have tasks from here on, those of later ones are known to have none before.
between_both AS (
    SELECT DISTINCT a.source, a.schedule_id, a.checkpoint_id
    FROM analytics.attempt AS a
    JOIN further_apart AS f ON f.source = a.source AND f.schedule_id = a.schedule_id AND a.created_at >= f.since
    JOIN changed_schedule AS c ON c.source = a.source AND c.schedule_id = a.schedule_id AND a.created_at < c.since
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
            WHEN s.source IS NULL THEN c.since
            WHEN t.source IS NULL THEN f.since
        END,
        TIMESTAMPTZ '-infinity'
    ) AS since
FROM changed_schedule AS c
LEFT JOIN spanned AS s USING (source, schedule_id)
LEFT JOIN further_apart AS f USING (source, schedule_id)
LEFT JOIN spanned_further AS t USING (source, schedule_id)
