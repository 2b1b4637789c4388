-- Question: up to when is the warehouse loaded, and what is its newest backup day?
-- Grain: one row.
-- Definition: as_of is the watermark; newest_day is the newest backup day with a backup task.
-- Settings: timezone, day_anchor
-- Edge cases: as_of is NULL before the first finished load, newest_day before the first backup task.
SELECT
    o.as_of,
    s.timezone,
    s.strikes,
    (SELECT max(backup_day) FROM analytics.resource_day) AS newest_day
FROM analytics.as_of AS o
CROSS JOIN analytics.settings AS s
