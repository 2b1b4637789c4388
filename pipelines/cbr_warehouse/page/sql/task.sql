-- Question: what did one task try, and how did it end?
-- Grain: one row.
-- Definition: the row of attempt.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: none
FROM analytics.attempt
WHERE source = $source AND task_id = $id
