-- Question: which backup days does a report cover, and which came before?
-- Grain: one row, none in a warehouse that no load has finished in.
-- Definition: the newest days that were over at the watermark by the global clock and by that of every source; the
--   moments are those of the global clock. The days before them are as many. log_from_at:
--   the time from which on tasks of every source are stored.
-- Settings: timezone, day_anchor
-- Edge cases: the backup day that the watermark lies in is not over and belongs to no report. A day is over as soon as
--   the watermark reaches its end, with no grace: tasks that were still open then have no verdict.
SELECT
    p.as_of,
    p.to_day,
    p.to_day - $days::INTEGER AS from_day,
    p.to_day - 2 * $days::INTEGER AS before_day,
    timezone(p.timezone, p.to_day::TIMESTAMP + p.day_anchor) AS to_at,
    timezone(p.timezone, from_day::TIMESTAMP + p.day_anchor) AS from_at,
    timezone(p.timezone, before_day::TIMESTAMP + p.day_anchor) AS before_at,
    (SELECT max(begins_at) FROM (SELECT min(created_at) AS begins_at FROM analytics.attempt GROUP BY source))
        AS log_from_at
FROM (
    SELECT
        o.as_of,
        any_value(s.timezone) AS timezone,
        any_value(s.day_anchor) AS day_anchor,
        least(
            CAST(timezone(any_value(s.timezone), o.as_of) - any_value(s.day_anchor) AS DATE),
            min(CAST(timezone(c.timezone, o.as_of) - c.day_anchor AS DATE))
        ) AS to_day
    FROM analytics.as_of AS o
    CROSS JOIN analytics.settings AS s
    CROSS JOIN analytics.source_clock AS c
    WHERE o.as_of IS NOT NULL
    GROUP BY o.as_of
) AS p
