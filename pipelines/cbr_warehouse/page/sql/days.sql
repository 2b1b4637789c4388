-- Question: how many days of the log are proved complete?
-- Grain: one row.
-- Definition: UTC days of the sources by the state of day_state; today is open.
-- Settings: none
-- Edge cases: a day that no load has asked for has no row.
SELECT
    count(*) FILTER (state = 'complete') AS complete,
    count(*) FILTER (state = 'incomplete') AS incomplete,
    count(*) FILTER (state = 'unverified') AS unverified,
    count(*) FILTER (state = 'lost') AS lost,
    count(*) FILTER (state = 'open') AS open
FROM analytics.day_state
WHERE true
    AND source = $source -- if source
