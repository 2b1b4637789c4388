-- Question: what was tried for one resource on one backup day?
-- Grain: one row per backup task, in the order in which they were created.
-- Definition: rows of attempt with operation_type backup.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: none
FROM analytics.attempt
WHERE operation_type = 'backup'
    AND source = $source
    AND resource_id = $id
    AND backup_day = $day::DATE
ORDER BY created_at, task_id
