-- Reads touched_tasks. Gives task_sighting(source, task_id, first_seen_at, end_seen_at, last_news_at).
task_sighting AS (
    SELECT
        v.source,
        v.task_id,
        min(v.first_seen_at) AS first_seen_at,
        min(v.first_seen_at) FILTER (v.ended_at IS NOT NULL) AS end_seen_at,
        max(v.first_seen_at) AS last_news_at
    FROM main.task_versions AS v
    SEMI JOIN (SELECT DISTINCT source, day FROM touched_tasks) AS d ON d.source = v.source AND d.day = v.day
    GROUP BY v.source, v.task_id
)
