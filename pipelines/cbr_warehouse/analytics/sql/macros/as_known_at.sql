-- Question: what did the warehouse say of each task at an earlier time?
-- Grain: one row per source and task that had been seen by then.
-- Definition: the newest version of the task (by version) whose first sight is not after known_at.
-- Arguments: known_at
-- Settings: none
-- Edge cases: first_seen_at is when a load received the version, so the answer is as fine as loads are frequent: a
--   task may have turned any time since the load before. Versions that were superseded before any load saw them are
--   not known to anyone.
-- Columns:
--   source: Name of the configured source.
--   task_id: Task.
SELECT v.*
FROM main.task_versions AS v
WHERE v.first_seen_at <= known_at
QUALIFY row_number() OVER (PARTITION BY v.source, v.task_id ORDER BY v.version DESC) = 1
