-- Question: when did backups of one resource fail in a row?
-- Grain: one row per streak, the newest first.
-- Definition: rows of failing_streaks.
-- Settings: none
-- Edge cases: at most 50 are shown; the page of streaks has all.
SELECT
    *,
    count(*) OVER () AS total
FROM analytics.failing_streaks
WHERE source = $source AND resource_id = $id
ORDER BY first_failed_at DESC
LIMIT 50
