-- Question: is the data behind the report complete?
-- Grain: one row per source, state and reason of the UTC days that the period and the one before touch.
-- Definition: days by state, and why they are not complete; complete means verified while the source still
--   served the whole day.
--   missing: by how many tasks the source's count exceeds those stored that it still serves and those quarantined.
-- Settings: none
-- Edge cases: numbers of a source with incomplete, lost or unverified days may be too low.
SELECT source, state, reason, count(*) AS days, min(day) AS first_day, max(day) AS last_day,
    sum(greatest(0, counted - (held - expired) - quarantined))::BIGINT AS missing
FROM coverage
WHERE day >= $before_at::DATE AND day <= $to_at::DATE
GROUP BY source, state, reason
ORDER BY source, state, reason
