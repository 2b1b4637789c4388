-- Question: which tasks were there?
-- Grain: one row per task, the newest first.
-- Definition: rows of attempt.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: the period is of backup days; the code (none) finds failures without a code.
SELECT
    *,
    count(*) OVER () AS total
FROM analytics.attempt
WHERE true
    AND backup_day BETWEEN $from_day::DATE AND $to_day::DATE -- if from_day
    AND source = $source -- if source
    AND resource_id = $id -- if id
    AND (vault_id = $vault OR contains(lower(vault_name), lower($vault))) -- if vault
    AND contains(lower(policy_id), lower($policy)) -- if policy
    AND resource_type = $type -- if type
    AND (resource_id = $resource OR contains(lower(resource_name), lower($resource))) -- if resource
    AND (error_code = $code OR (error_code IS NULL AND outcome = 'fail' AND $code = '(none)')) -- if code
    AND operation_type = $operation -- if operation
    AND outcome = $outcome -- if outcome
ORDER BY created_at DESC, task_id
LIMIT $limit
OFFSET $offset
