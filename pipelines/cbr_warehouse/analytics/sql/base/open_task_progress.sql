-- Question: since when has each open task had its present progress?
-- Grain: one row per source and task that is open or timed out and of which a version was seen.
-- Definition: progress_since is the earliest first_seen_at of the task's versions (table task_versions) with the same
--   progress as the newest one; has_moved: some version has another progress.
-- Settings: none
-- Edge cases: first_seen_at is when a load received the version, so progress_since is as precise as loads are frequent.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
--   progress_since: When the present progress was first seen; NULL where no version has it.
--   has_moved: Whether loads have seen another progress of the task.
SELECT
    v.source,
    v.task_id,
    min(v.first_seen_at) FILTER (v.progress IS NOT DISTINCT FROM a.progress) AS progress_since,
    bool_or(v.progress IS DISTINCT FROM a.progress) AS has_moved
FROM main.task_versions AS v
JOIN analytics.attempt AS a ON a.source = v.source AND a.task_id = v.task_id
WHERE a.outcome = 'open' OR a.status = 'timeout'
GROUP BY v.source, v.task_id
