-- Question: was one resource backed up on one backup day?
-- Grain: one row; none where it was not tried.
-- Definition: the row of resource_day.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: none
FROM analytics.resource_day
WHERE source = $source AND resource_id = $id AND backup_day = $day::DATE
