-- Question: what became of the backup that one task made?
-- Grain: one row; none for a task that made no backup.
-- Definition: the row of recovery_point.
-- Settings: none
-- Edge cases: deletions that name no backup are not known.
FROM analytics.recovery_point
WHERE source = $source AND task_id = $id
