-- Question: which backup days does a report cover, and which came before?
-- Grain: one row, none where no load of the report's sources has finished.
-- Definition: as_of is the earliest watermark of its sources, those left out of analytics.as_of only where all are. Its
--   clock is that of its sources where they share one, else the global one. newest_day is the day after the newest one that
--   was over at as_of by this clock and by that of every source. Without first and after the days are the newest ones, as
--   many as days; else those from first up to after that are over. The days before them: from before on where the whole
--   period is over, else as many days. log_from_at: the time from which on tasks of every source are stored; log_begins_at:
--   the time from which on tasks of any are. plot_from_day: the first day of the plots, which show the period, and at least
--   the lookback, up to 92 days or eight periods back.
-- Settings: timezone, day_anchor, lookback
-- Edge cases: the backup day that as_of lies in is not over and belongs to no report. A day is over as soon as as_of
--   reaches its end, with no grace: tasks that were still open then have no verdict.
WITH clock AS (
    SELECT
        CASE WHEN count(DISTINCT (c.timezone, c.day_anchor)) = 1 THEN any_value(c.timezone) ELSE any_value(s.timezone) END
            AS timezone,
        CASE WHEN count(DISTINCT (c.timezone, c.day_anchor)) = 1 THEN any_value(c.day_anchor) ELSE any_value(s.day_anchor) END
            AS day_anchor
    FROM analytics.source_clock AS c
    CROSS JOIN analytics.settings AS s
),

newest AS (
    SELECT
        o.as_of,
        any_value(k.timezone) AS timezone,
        any_value(k.day_anchor) AS day_anchor,
        least(
            CAST(timezone(any_value(k.timezone), o.as_of) - any_value(k.day_anchor) AS DATE),
            min(CAST(timezone(c.timezone, o.as_of) - c.day_anchor AS DATE))
        ) AS newest_day
    FROM (
        SELECT coalesce(min(watermark) FILTER (is_included), min(watermark)) AS as_of FROM analytics.source_watermark
    ) AS o
    CROSS JOIN clock AS k
    CROSS JOIN analytics.source_clock AS c
    WHERE o.as_of IS NOT NULL
    GROUP BY o.as_of
),

asked AS (
    SELECT
        n.*,
        epoch(s.lookback) // 86400 AS lookback_days,
        coalesce($first::DATE, newest_day - $days::INTEGER) AS from_day,
        least(coalesce($after::DATE, newest_day), newest_day) AS to_day
    FROM newest AS n
    CROSS JOIN analytics.settings AS s
)

SELECT
    p.as_of,
    p.timezone,
    epoch(p.day_anchor)::INTEGER AS anchor_seconds,
    p.newest_day,
    p.to_day,
    p.from_day,
    CASE WHEN p.to_day = $after::DATE THEN $before::DATE ELSE p.from_day - (p.to_day - p.from_day)::INTEGER END AS before_day,
    p.to_day - greatest(p.to_day - p.from_day, p.lookback_days, least(8 * (p.to_day - p.from_day), 92))::INTEGER
        AS plot_from_day,
    timezone(p.timezone, plot_from_day::TIMESTAMP + p.day_anchor) AS plot_from_at,
    timezone(p.timezone, p.to_day::TIMESTAMP + p.day_anchor) AS to_at,
    timezone(p.timezone, p.from_day::TIMESTAMP + p.day_anchor) AS from_at,
    timezone(p.timezone, before_day::TIMESTAMP + p.day_anchor) AS before_at,
    log.log_from_at,
    log.log_begins_at
FROM asked AS p
CROSS JOIN (
    SELECT max(begins_at) AS log_from_at, min(begins_at) AS log_begins_at
    FROM (SELECT min(created_at) AS begins_at FROM analytics.attempt GROUP BY source)
) AS log
