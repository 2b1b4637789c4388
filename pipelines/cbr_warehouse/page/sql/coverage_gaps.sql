-- Question: which days are not complete, in all history?
-- Grain: one row per source, state and reason.
-- Definition: days of coverage that are neither complete nor today, by their state and reason.
-- Settings: none
-- Edge cases: days between first_day and last_day may be complete.
SELECT source, state, reason, count(*) AS days, min(day) AS first_day, max(day) AS last_day
FROM main.coverage
WHERE state NOT IN ('complete', 'open')
    AND source = $source -- if source
GROUP BY source, state, reason
ORDER BY list_position(['incomplete', 'lost', 'unverified'], state), source, reason
