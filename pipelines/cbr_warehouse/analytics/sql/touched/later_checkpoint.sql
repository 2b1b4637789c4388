-- Checkpoints that changed backup tasks have or had, and those of tasks from where the runs of their schedule could be
-- made again.
SELECT a.source, a.schedule_id, a.checkpoint_id
FROM analytics.attempt AS a
JOIN changed_schedule AS c ON c.source = a.source AND c.schedule_id = a.schedule_id AND a.created_at >= c.since
WHERE a.operation_type = 'backup'
    AND nullif(a.checkpoint_id, '') IS NOT NULL
    AND a.created_at >= (SELECT min(since) FROM changed_schedule)
UNION
SELECT source, schedule_id, checkpoint_id
FROM changed_attempts
WHERE operation_type = 'backup' AND schedule_id IS NOT NULL AND nullif(checkpoint_id, '') IS NOT NULL
