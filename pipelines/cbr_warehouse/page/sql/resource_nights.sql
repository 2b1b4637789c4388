-- Question: on which backup days was one resource backed up?
-- Grain: one row per backup day of the period with a backup task, the newest first.
-- Definition: rows of resource_day.
-- Settings: timezone, day_anchor (of the source, else the global ones)
-- Edge cases: days without an attempt have no row.
FROM analytics.resource_day
WHERE source = $source
    AND resource_id = $id
    AND backup_day BETWEEN $from_day::DATE AND $to_day::DATE
ORDER BY backup_day DESC
