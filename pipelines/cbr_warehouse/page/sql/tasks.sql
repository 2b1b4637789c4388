-- Question: which tasks were there?
-- Grain: one row per task, the newest first.
-- Definition: rows of attempt.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: the period is of backup days; the code (none) finds failures without a code. total counts all that match.
WITH matching AS (
    -- Row numbers alone: whole rows are read of those that are shown.
    SELECT rowid AS place, created_at
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
),

shown AS (
    SELECT place
    FROM matching
    ORDER BY created_at DESC, place
    LIMIT $limit
    OFFSET $offset
)

SELECT
    a.*,
    (SELECT count(*) FROM matching) AS total
FROM analytics.attempt AS a
JOIN shown AS s ON s.place = a.rowid
ORDER BY a.created_at DESC, s.place
