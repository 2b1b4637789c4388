-- Question: what did the warehouse contain of each task at an earlier time?
-- Grain: one row per source and task of which a version had been seen by then.
-- Definition: of the versions of the task (table task_versions) with first_seen_at at or before known_at, the one with the
--   highest version number.
-- Arguments: known_at
-- Settings: none
-- Edge cases: first_seen_at is when a load received the version, so the answer is as precise as loads are frequent. Versions
--   that were replaced before any load saw them are unknown. The columns are those of task_versions.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
SELECT v.*
FROM main.task_versions AS v
WHERE v.first_seen_at <= known_at
QUALIFY row_number() OVER (PARTITION BY v.source, v.task_id ORDER BY v.version DESC) = 1
