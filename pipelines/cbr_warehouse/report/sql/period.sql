-- Question: which backup days does a report cover, and which came before?
-- Grain: one row, none in a warehouse that no load has finished in.
-- Definition: the newest days that were over at the watermark; the days before them are as many. log_from_at:
--   since when tasks of every source are held.
-- Settings: timezone, day_anchor
-- Edge cases: the backup day that the watermark lies in is not over and belongs to no report. A day is over as soon as
--   the watermark reaches its end, with no grace: what was still open then has no verdict.
SELECT
    o.as_of,
    CAST(timezone(s.timezone, o.as_of) - s.day_anchor AS DATE) AS to_day,
    to_day - $days::INTEGER AS from_day,
    to_day - 2 * $days::INTEGER AS before_day,
    timezone(s.timezone, to_day::TIMESTAMP + s.day_anchor) AS to_at,
    timezone(s.timezone, from_day::TIMESTAMP + s.day_anchor) AS from_at,
    timezone(s.timezone, before_day::TIMESTAMP + s.day_anchor) AS before_at,
    (SELECT max(begins_at) FROM (SELECT min(created_at) AS begins_at FROM analytics.attempt GROUP BY source))
        AS log_from_at
FROM analytics.as_of AS o
CROSS JOIN analytics.settings AS s
WHERE o.as_of IS NOT NULL
